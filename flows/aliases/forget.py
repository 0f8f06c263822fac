"""`python -m flows.forget`: the same program as `medley forget`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["forget", *sys.argv[1:]]))
