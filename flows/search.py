"""`python -m flows.search`: the same program as `medley search`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["search", *sys.argv[1:]]))
