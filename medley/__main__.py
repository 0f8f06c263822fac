"""`python -m medley VERB ...`: the console script `medley` of this installation."""

import sys
from importlib.metadata import entry_points

if __name__ == "__main__":
    [script] = {entry.value: entry for entry in entry_points(group="console_scripts", name="medley")}.values()
    sys.exit(script.load()())
