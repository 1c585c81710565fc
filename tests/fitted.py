"""A detector fitted on a small simulated log, once for all tests that need one."""

import functools
import tempfile
from pathlib import Path

LINES, SEED = 8000, 5


@functools.cache
def fitted_folder() -> Path:
    """Folder with `hdfs.log`, `anomaly_label.csv` and the checkpoint `model`."""
    from logllm.fitting import fit_logs
    from logllm.hf_datasets.simulate import simulate

    folder = Path(tempfile.mkdtemp(prefix="logllm-fitted-"))
    simulate("hdfs", LINES, SEED, folder, progress=False)
    fit_logs([folder / "hdfs.log"], folder / "model", alarms_per_day=20_000, max_steps=60, progress=False)
    return folder
