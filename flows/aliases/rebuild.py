"""`python -m flows.rebuild`: the same program as `medley rebuild-index`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["rebuild-index", *sys.argv[1:]]))
