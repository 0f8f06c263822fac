"""`python -m flows.watch`: the same program as `medley watch`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["watch", *sys.argv[1:]]))
