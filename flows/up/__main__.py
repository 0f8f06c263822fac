"""`python -m flows.up`: the same program as `medley up`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["up", *sys.argv[1:]]))
