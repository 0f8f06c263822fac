"""`python -m flows.pools`: the same program as `medley pools`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["pools", *sys.argv[1:]]))
