import json
from pathlib import Path

import fresh_process
import pytest
from loopback_hub import LoopbackHub

from logllm.hf_datasets import LogInputError, LogSystem, build
from logllm.hf_datasets.push import push_dataset

CLIENT = """
import json, sys
from logllm.hf_datasets.push import push_dataset
print(json.dumps(push_dataset(sys.argv[1], "me/logs")))
"""
READER = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
names = get_dataset_config_names("me/logs")
whole = load_dataset("me/logs", "one")
stream = load_dataset("me/logs", "two", split="test", streaming=True)
print(json.dumps([names, {k: v.num_rows for k, v in whole.items()}, whole["train"][0], next(iter(stream))["lines"],
                  whole["train"].features["label"].names, [m for m in sys.modules if m.startswith("logllm")]]))
"""


def run(hub, home, code, *arguments):
    done = fresh_process.run(code, *arguments, env=hub.environment(home))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def write_build(folder: Path, count: int) -> None:
    log = folder.parent / "my.log"
    log.write_text("".join(f"event {number % 7} of kind {number}\n" for number in range(count)))
    for name in ("one", "two"):
        build(LogSystem(name, name), log, folder, progress=False)


def test_push_then_load_by_repository_id_and_push_again(tmp_path):
    folder = tmp_path / "out"
    write_build(folder, 1000)
    with LoopbackHub() as hub:
        assert run(hub, tmp_path / "home", CLIENT, str(folder)).endswith("datasets/me/logs")
        on_disk = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        published = {path: data for path, data in hub.files("datasets", "me/logs").items() if path != ".gitattributes"}
        assert published == on_disk
        names, rows, first, streamed, labels, ours = run(hub, tmp_path / "home", READER)
        assert names == ["one", "one-templates", "two", "two-templates"] and rows == {
            "train": 7,
            "validation": 1,
            "test": 2,
        }
        assert first["lines"][:2] == ["event 0 of kind 0", "event 1 of kind 1"]
        assert streamed[0] == "event 2 of kind 800" and labels == ["normal", "anomalous"]
        assert not ours  # nothing of ours is needed to load it

        commits, received = hub.commits("datasets", "me/logs"), hub.received
        run(hub, tmp_path / "home", CLIENT, str(folder))
        assert hub.commits("datasets", "me/logs") == commits
        assert hub.received - received < 64 * 1024  # the small text files at most, no Parquet

        write_build(folder, 500)
        run(hub, tmp_path / "home", CLIENT, str(folder))
        assert run(hub, tmp_path / "home", READER)[1] == {"train": 4, "test": 1}


def test_a_folder_without_a_build_is_refused(tmp_path):
    with pytest.raises(LogInputError, match="found none in"):
        push_dataset(tmp_path, "me/logs")
    with pytest.raises(LogInputError, match="found none in"):
        push_dataset(tmp_path / "missing", "me/logs")
