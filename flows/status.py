"""`python -m flows.status`: the same program as `medley status`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["status", *sys.argv[1:]]))
