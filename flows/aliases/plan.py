"""`python -m flows.plan`: the same program as `medley plan`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["plan", *sys.argv[1:]]))
