"""`python -m flows.run`: the same program as `medley run`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["run", *sys.argv[1:]]))
