"""`python -m flows.answer`: the same program as `medley answer`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["answer", *sys.argv[1:]]))
