"""`python -m flows.down`: the same program as `medley down`."""

import sys

if __name__ == "__main__":
    from flows.commands.cli import main

    sys.exit(main(["down", *sys.argv[1:]]))
