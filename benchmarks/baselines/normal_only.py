"""The rules on keys that a next-key model has to beat, as a table: name -> object of `fit(windows)` and `score(windows)`.

Notes: `bench_methods.py` has all methods; these four are LogLLaMA's own neighbours (`run_logllama.py`).
"""

from __future__ import annotations

from typing import Any

from .flag_everything import FlagEverything
from .nearest_counts import NearestCounts
from .unseen_counts import UnseenCounts
from .unseen_grams import UnseenGrams

RULES: dict[str, Any] = {
    "flag everything": FlagEverything(),
    "3-gram of keys never seen": UnseenGrams(3),
    "a count vector never seen": UnseenCounts(),
    "nearest normal count vector": NearestCounts(),
}
