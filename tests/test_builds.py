"""The simulated pair of builds: the same bytes for the same seed, the cause only in the failed one, and found by a diff."""

import pytest

from logllm.hf_datasets import LogInputError
from logllm.hf_datasets.simulation.builds import CAUSE, build_lines, write_builds


def test_the_same_seed_gives_the_same_lines():
    assert list(build_lines(True, 5)) == list(build_lines(True, 5)) != list(build_lines(True, 6))


@pytest.mark.parametrize("seed", range(3))
def test_only_the_failed_run_holds_the_cause(tmp_path, seed):
    told = write_builds(tmp_path, seed)
    good, bad = (tmp_path / "good.log").read_text(), (tmp_path / "bad.log").read_text()
    assert [good.count("\n"), bad.count("\n")] == told["lines"]
    assert CAUSE[6] in bad and CAUSE[6] not in good
    assert "##[group]Package" in good and "##[group]Package" not in bad
    numbers = [int(row.split(",")[0]) for row in (tmp_path / "bad_labels.csv").read_text().splitlines()[1:]]
    lines = bad.splitlines()
    assert {lines[number - 1].split("Z ", 1)[1] for number in numbers} == {line for line in CAUSE if line.strip()}


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(LogInputError, match="must be a folder"):
        write_builds(tmp_path / "taken")
