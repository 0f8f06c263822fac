"""`python -m flows.pipelines`: the same program as `medley pipelines`."""

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["pipelines", *sys.argv[1:]]))
