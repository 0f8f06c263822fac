"""`python -m medley VERB ...`: the console script `medley` of this installation."""

import sys
from importlib.metadata import entry_points

if __name__ == "__main__":
    scripts = list(entry_points(group="console_scripts", name="medley"))
    if not scripts:
        sys.exit("medley: the package is not installed here. Run: make setup, or pip install .")
    sys.exit(scripts[0].load()())
