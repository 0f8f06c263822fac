"""`python -m flows.models`: the same program as `medley models`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["models", *sys.argv[1:]]))
