"""What is imported for functions that are never called."""

import json
import subprocess
import sys

import pytest

_SCRIPT = """
import json, sys
import medley.models.sentence
early = [name for name in ("sklearn", "pandas", "pyarrow") if name in sys.modules]
import numpy as np
from sentence_transformers.util import pairwise_manhattan_sim, manhattan_sim
import sklearn.metrics
print(json.dumps([early, sklearn.metrics.f1_score([1, 0], [1, 0])]))
"""


@pytest.mark.whole
def test_a_text_model_loads_no_tables_and_others_still_get_them() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [[], 1.0]
