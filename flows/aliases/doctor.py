"""`python -m flows.doctor`: the same program as `medley doctor`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["doctor", *sys.argv[1:]]))
