"""`python -m flows.retry`: the same program as `medley retry`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["retry", *sys.argv[1:]]))
