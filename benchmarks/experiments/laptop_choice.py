"""How far the preset `laptop` varies messages in training: `python -m benchmarks experiments.laptop_choice [--seeds 0,1,2]`.

Chosen on validation windows, which no table reports: those of HDFS's random split, as they are and with a share of their
templates reworded in other draws from the same word list as the tests' (`rewording.py` with other seeds; some wordings
coincide). Every row has three seeds; the row whose mean F1 over the shares is best is the preset's, which had first been set
while looking at a test part. Resumable by row and seed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.comparison.rewording import reword_templates
from benchmarks.experiments.logllm_pretrained import LIGHTLY_VARIED, VALIDATION_REWORDINGS, VARIED
from benchmarks.experiments.logllm_reworded import DATA, figures
from benchmarks.places import RESULTS, data_folder

SHARES = (0.0, 0.2, 1.0)
NOT_VARIED = {"noise": 0.0, "mix": 0.0, "word_dropout": 0.0, "variants": 0}
ROWS: dict[str, dict[str, Any]] = {
    "not varied": {"preset": "laptop", **NOT_VARIED},
    "words varied, vectors not": {"preset": "laptop", **VARIED, "noise": 0.0, "mix": 0.0},
    "lightly varied": {"preset": "laptop", **LIGHTLY_VARIED},
    "varied": {"preset": "laptop", **VARIED},
}


def main() -> None:
    """Run what the result file lacks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--result", type=Path, default=RESULTS / "laptop_choice.json")
    parser.add_argument("--seeds", default="0,1,2")
    args = parser.parse_args()
    from logllm.hf_datasets import LogSystem
    from logllm.training.reproduce import windows_of
    from logllm.training.result_file import locked_result, run_provenance
    from logllm.training.train import train_detector

    with tempfile.TemporaryDirectory() as folder:
        built, rows, _ = windows_of({**DATA, "train_share": 0.8, "validation_share": 0.1}, data_folder(), Path(folder))
        made_of: dict[str, Any] = {"recipe": {"rows": ROWS, "data": DATA, "shares": list(SHARES)}}
        made_of["split_checksums"] = {name: split["sha256"] for name, split in built["splits"].items()}
        tests = reworded_validation(rows)
        for seed in map(int, args.seeds.split(",")):
            for name, settings in ROWS.items():
                with locked_result(args.result, made_of) as result:
                    if any((run["row"], run["seed"]) == (name, seed) for run in result["runs"]):
                        continue
                started, processor = time.perf_counter(), time.process_time()
                detector = train_detector(
                    "logllm", rows["train"], rows["validation"], {}, LogSystem.from_dict(built["system"]),
                    recipe=settings, seed=seed, progress=False,
                )  # fmt: skip
                model: Any = detector.model
                table = model.message_table(detector.processor)
                judge = (
                    (lambda some, m=model, d=detector, t=table: m.score(some, d.processor, table=t)),
                    detector.threshold,
                )
                run = {
                    "row": name,
                    "seed": seed,
                    "figures": figures(judge, tests, rows["validation"]["label"]),
                    "seconds": round(time.perf_counter() - started, 1),
                    "processor_seconds": round(time.process_time() - processor, 1),
                    "made": run_provenance(),
                }
                with locked_result(args.result, made_of, adds=True) as result:
                    result["runs"].append(run)
                print(name, seed, by_share([run]), flush=True)


def reworded_validation(rows: Any) -> dict[tuple[float, int], list[list[str]]]:
    """The validation windows at each share, reworded in other draws from the word list than the tests'."""
    from logllm.modeling_logllm.masking import mask_message

    windows = rows["validation"]["lines"][:]
    templates = {mask_message(line) for window in windows for line in window}
    return {
        (share, seed): reword_templates(windows, templates, share, seed)
        for share in SHARES
        for seed in (VALIDATION_REWORDINGS if share else VALIDATION_REWORDINGS[:1])
    }


def by_share(runs: list[dict[str, Any]]) -> dict[float, float]:
    """Share -> mean F1 over seeds and rewordings."""
    return {
        share: round(statistics.mean(f["f1"] for run in runs for f in run["figures"] if f["share"] == share), 3)
        for share in SHARES
    }


if __name__ == "__main__":
    main()
