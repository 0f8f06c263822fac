"""`python -m flows.gc`: the same program as `medley gc`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["gc", *sys.argv[1:]]))
