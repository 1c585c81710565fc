"""State on disk: torn steps never happened, a full disk keeps the old state, one watcher at a time."""

import resource

import pytest

from logllm.errors import LogllmError
from logllm.watch.state import StateFile


def test_steps_follow_the_snapshot_and_a_torn_one_never_happened(tmp_path):
    path = tmp_path / "state"
    state = StateFile(path, "m")
    assert state.load()[0] is None
    state.snapshot({"number": 1})
    state.step({"n": 1})
    state.step({"n": 2})
    state.close()
    with path.open("ab") as stream:
        stream.write(b'{"n": 3, "torn')
    again = StateFile(path, "m")
    snapshot, steps = again.load()
    assert snapshot["number"] == 1 and [step["n"] for step in steps] == [1, 2]
    again.snapshot({"number": 2})
    again.step({"n": 9})
    again.close()
    third = StateFile(path, "m")
    snapshot, steps = third.load()
    assert snapshot["number"] == 2 and [step["n"] for step in steps] == [9]


def test_a_second_watcher_is_refused_and_so_is_another_model(tmp_path):
    path = tmp_path / "state"
    first = StateFile(path, "m")
    first.snapshot({})
    with pytest.raises(LogllmError, match="one watcher"):
        StateFile(path, "m")
    first.close()
    with pytest.raises(LogllmError, match="another model"):
        StateFile(path, "other").load()


@pytest.mark.parametrize("text", ["", "not json\n", '{"version": 99}\n', "[]\n"])
def test_a_file_that_is_no_state_is_refused(tmp_path, text):
    path = tmp_path / "state"
    path.write_text(text)
    with pytest.raises(LogllmError, match="logllm watch"):
        StateFile(path, "m").load()


def test_a_full_disk_keeps_the_old_state(tmp_path):
    path = tmp_path / "state"
    state = StateFile(path, "m")
    state.snapshot({"number": 1})
    state.step({"n": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(OSError):
            state.step({"n": "x" * 50_000})
        with pytest.raises(OSError):
            state.snapshot({"number": "x" * 50_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    state.step({"n": 2})
    state.close()
    snapshot, steps = StateFile(path, "m").load()
    assert snapshot["number"] == 1 and [step["n"] for step in steps] == [1, 2]
    assert not (tmp_path / "state.new").exists()
