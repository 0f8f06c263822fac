"""`python -m flows.down`: the same program as `medley down`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["down", *sys.argv[1:]]))
