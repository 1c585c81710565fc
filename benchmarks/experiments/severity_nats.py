"""What the nats of severity are worth, on lines that no table reports: `python -m benchmarks experiments.severity_nats`.

The prior is added to how surprising a line is. In place of a model the surprise here is that of its masked text, the negative
logarithm of its share among the lines before, so that the prior is judged alone and in seconds. The lines are the first 80 % of
BGL_thinned and of the Thunderbird pieces, on which the bench's detectors are trained, and Loghub's 2k sample of BGL; alert
lines must rank above the others. Average precision is given for several scales and shapes of the nats.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.places import RESULTS, data_folder

RESULT = RESULTS / "severity_nats.json"
LOGS = (
    ("bgl, first 80 %", "bgl", "bgl/BGL_thinned.log", 0.8),
    ("bgl, Loghub's 2k", "bgl", "bgl/BGL_2k.log", 1.0),
    ("thunderbird, first 80 %", "thunderbird", "thunderbird/TB_20051115_block*.log", 0.8),
)
# Multiples of what the package has (fatal 4, error 2, warning 1, and half a nat for a further word), and one nat for all.
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0)
FLAT = "2 nats for any severe line"


def lines_of(system_name: str, pattern: str, share: float, data: Path) -> list[tuple[str, float, int]]:
    """Masked text, nats of severity, and whether it is an alert, of each line in its order."""
    from logllm.decision.severity import severities
    from logllm.hf_datasets import get_system, parse_lines, read_lines
    from logllm.modeling_logllm.masking import mask_message

    system = get_system(system_name)
    files = sorted(data.glob(pattern))
    lines = [
        line for line in parse_lines((x for f in files for x in read_lines(f, system.encoding)), system) if line.parsed
    ]
    lines = lines[: int(share * len(lines))]
    nats = severities((line.raw for line in lines), (line.content for line in lines), system)
    return [(mask_message(line.content), found, int(line.label != "-")) for line, found in zip(lines, nats)]


def ranked(lines: list[tuple[str, float, int]]) -> dict[str, float]:
    """Average precision of the alert lines of the second half at each scale; the first half says what is usual."""
    from sklearn.metrics import average_precision_score

    half = len(lines) // 2
    known = Counter(text for text, _, _ in lines[:half])
    judged = lines[half:]
    surprise = [math.log((half + 1) / (known[text] + 1)) for text, _, _ in judged]
    truth = [alert for _, _, alert in judged]
    shapes = {f"times {scale:g}": [scale * nats for _, nats, _ in judged] for scale in SCALES}
    shapes[FLAT] = [2.0 * (nats > 0) for _, nats, _ in judged]
    return {
        name: round(float(average_precision_score(truth, [a + b for a, b in zip(surprise, extra)])), 4)
        for name, extra in shapes.items()
    }


def main() -> None:
    """Measure and write."""
    from logllm.training.result_file import run_provenance, write_whole

    rows: list[dict[str, Any]] = []
    for name, system, pattern, share in LOGS:
        lines = lines_of(system, pattern, share, data_folder())
        alerts = sum(alert for _, _, alert in lines[len(lines) // 2 :])
        rows.append({"log": name, "lines": len(lines), "alerts_judged": alerts, "average_precision": ranked(lines)})
        print(rows[-1], flush=True)
    write_whole(RESULT, json.dumps({"rows": rows, "made": run_provenance()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
