"""`python -m flows.deploy`: the same program as `medley deploy`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["deploy", *sys.argv[1:]]))
