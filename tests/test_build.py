import dataclasses
import errno
import gzip
import importlib
import json
import subprocess
import sys
import tarfile
import time
import zipfile

import pyarrow as pa
import pytest
from datasets import load_dataset

from logllm.hf_datasets import (
    LogInputError,
    LogSystem,
    WindowRule,
    build,
    configurations,
    get_system,
    load_statistics,
    load_templates,
    load_windows,
)
from logllm.modeling_logllm import masking


def quiet(*arguments, **options):
    return build(*arguments, progress=False, **options)


@pytest.fixture(scope="module")
def built(shared_data, thunderbird_blocks, tmp_path_factory):
    out = tmp_path_factory.mktemp("built")
    labels = shared_data / "hdfs/anomaly_label.csv"
    return out, {
        "hdfs": quiet("hdfs", shared_data / "hdfs/HDFS_2pct.log", out, labels=labels),
        "bgl": quiet("bgl", shared_data / "bgl/BGL_thinned.log", out),
        "thunderbird": quiet("thunderbird", thunderbird_blocks, out),
    }


def test_counts_equal_the_golden_ones(built, shared_data):
    out, statistics = built
    golden = json.loads((shared_data / "golden" / "windows.json").read_text())
    for name, key in (
        ("bgl", "bgl/BGL_thinned.log"),
        ("thunderbird", "thunderbird/TB_20051115_block*.log, in name order"),
    ):
        splits, expected = statistics[name]["splits"], golden[key]
        for what in ("windows", "anomalous"):
            assert splits["train"][what] + splits["validation"][what] == expected["train"][what]
            assert splits["test"][what] == expected["test"][what]
        assert statistics[name]["lines"]["parsed"] == expected["lines_matching_format"]
    splits = statistics["hdfs"]["splits"]
    assert sum(one["windows"] for one in splits.values()) == 6893
    assert sum(one["anomalous"] for one in splits.values()) == 215
    assert splits["train"]["windows"] + splits["validation"]["windows"] == int(6893 * 0.8)
    unparsed = [json.loads(line) for line in (out / "bgl/unparsed.jsonl").read_text().splitlines()]
    assert len(unparsed) == statistics["bgl"]["lines"]["unparsed"] == 512
    assert unparsed[0]["text"].endswith("RAS KERNEL FATAL")
    assert not (out / "hdfs/unparsed.jsonl").exists()


def test_plain_load_dataset_reads_it(built):
    out, _ = built
    bgl = load_dataset(str(out), "bgl")
    assert bgl["train"].features["label"].names == ["normal", "anomalous"]
    assert bgl["train"].features["line_labels"].feature.names == ["normal", "anomalous"]
    assert "line_labels" not in load_windows(out, "hdfs")["train"].features
    row = bgl["test"][0]
    assert len(row["lines"]) == len(row["keys"]) == len(row["line_numbers"]) == len(row["line_labels"]) == 100
    assert row["label"] == max(row["line_labels"])
    assert row["window_id"] == f"{row['line_numbers'][0]}-{row['line_numbers'][-1]}"
    streamed = next(iter(load_dataset(str(out), "bgl", split="test", streaming=True)))
    assert streamed["lines"] == row["lines"]


def test_templates_come_from_train_alone(built):
    out, statistics = built
    table = load_templates(out, "bgl")
    splits = statistics["bgl"]["splits"]
    assert sum(row["count"] for row in table["templates"]) == splits["train"]["messages"]
    assert statistics["bgl"]["templates"]["mined_on"] == "train"
    known = {row["key"] for row in table["templates"]} | {""}
    test = load_windows(out, "bgl")["test"]
    assert {key for row in test for key in row["keys"]} <= known
    assert sum(row["keys"].count("") for row in test) == splits["test"]["lines_without_template"] > 0


def test_the_same_build_gives_the_same_bytes(built, shared_data, tmp_path):
    out, statistics = built
    again = quiet("bgl", shared_data / "bgl/BGL_thinned.log", tmp_path)
    assert again == load_statistics(out, "bgl") == json.loads(json.dumps(statistics["bgl"]))
    for file in sorted(path.name for path in (out / "bgl").iterdir()):
        assert (tmp_path / "bgl" / file).read_bytes() == (out / "bgl" / file).read_bytes()


def test_chronological_sessions(built, shared_data, tmp_path):
    statistics = quiet("hdfs", shared_data / "hdfs/HDFS_2k.log", tmp_path, split="chronological")
    data = load_windows(tmp_path, "hdfs")
    firsts = {name: [row["line_numbers"][0] for row in data[name]] for name in data}
    assert max(firsts["train"]) <= min(firsts["validation"]) <= max(firsts["validation"]) <= min(firsts["test"])
    assert statistics["labels"] is None
    assert set(data["test"]["label"]) == {None}
    paper = quiet("hdfs", shared_data / "hdfs/HDFS_2k.log", tmp_path)
    other = quiet("hdfs", shared_data / "hdfs/HDFS_2k.log", tmp_path, seed=1)
    assert len({one["splits"]["test"]["sha256"] for one in (statistics, paper, other)}) == 3


PLAIN = LogSystem("mine", "Mine")


def write_log(folder, count=1000, end="\n"):
    path = folder / "my.log"
    path.write_bytes("".join(f"event {number % 7} of kind {number}{end}" for number in range(count)).encode())
    return path


@pytest.mark.parametrize("rule", [WindowRule("fixed", 10), WindowRule("sliding", 10, 5), WindowRule("sliding", 10, 1)])
def test_no_window_crosses_a_cut(tmp_path, rule):
    quiet(PLAIN, write_log(tmp_path), tmp_path / "out", window=rule)
    data = load_windows(tmp_path / "out", "mine")
    numbers = {name: [number for row in data[name] for number in row["line_numbers"]] for name in data}
    gap = 10 if rule.overlaps else 0
    assert max(numbers["train"]) + gap < min(numbers["validation"])
    assert max(numbers["validation"]) + gap < min(numbers["test"])
    assert max(numbers["test"]) == 1000 and min(numbers["train"]) == 1


def test_few_lines_and_crlf(tmp_path):
    statistics = quiet(PLAIN, write_log(tmp_path, 3, "\r\n"), tmp_path / "out")
    assert [one["windows"] for one in statistics["splits"].values()] == [1, 0, 1]
    data = load_windows(tmp_path / "out", "mine")
    assert data["train"][0]["lines"] == ["event 0 of kind 0", "event 1 of kind 1"]
    assert data["validation"].num_rows == 0


def test_label_file_of_another_log(shared_data, tmp_path):
    log = shared_data / "hdfs/HDFS_2k.log"
    labels = tmp_path / "labels.csv"
    labels.write_text("BlockId,Label\nblk_0,Normal\n")
    with pytest.raises(LogInputError, match="none of its 1 sessions occurs"):
        quiet("hdfs", log, tmp_path / "out", labels=labels)
    assert not (tmp_path / "out").exists()
    labels.write_text("BlockId,Label\nblk_0,Normal\nblk_38865049064139660,Anomaly\n")
    counts = quiet("hdfs", log, tmp_path / "out", labels=labels)["labels"]
    assert counts["given"] == 2 and counts["used"] == counts["labels_without_session"] == 1
    assert counts["sessions_without_label"] == counts["windows_without_label"] == 2199


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"system": "hdsf"}, "did you mean hdfs"),
        ({"system": "hdfs"}, "none did"),
        ({"split": "random"}, "'paper' or 'chronological'"),
        ({"train_share": 0}, "train_share"),
        ({"validation_share": 1}, "validation_share"),
        ({"raw": []}, "found none"),
        ({"raw": "missing.log"}, "found nothing"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_sentence(tmp_path, options, message):
    options = {"system": PLAIN, "raw": write_log(tmp_path), "out": tmp_path / "out", **options}
    with pytest.raises(LogInputError, match=message):
        quiet(options.pop("system"), options.pop("raw"), options.pop("out"), **options)
    assert not (tmp_path / "out" / "mine").exists()


def test_an_output_that_is_something_else(tmp_path):
    log = write_log(tmp_path)
    with pytest.raises(LogInputError, match="found the file"):
        quiet(PLAIN, log, log)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(LogInputError, match="found something else"):
        quiet(PLAIN, log, tmp_path)
    with pytest.raises(LogInputError, match="found none in"):
        load_windows(tmp_path, "mine")


def test_an_earlier_build_is_replaced_whole_and_the_card_text_kept(tmp_path):
    out = tmp_path / "out"
    quiet(PLAIN, write_log(tmp_path), out)
    readme = out / "README.md"
    readme.write_text(readme.read_text().replace("configs:", "license: other\nconfigs:") + "\nMy words.\n")
    statistics = quiet(PLAIN, write_log(tmp_path, 500), out)
    assert load_windows(out, "mine")["train"].num_rows == statistics["splits"]["train"]["windows"]
    assert "license: other" in readme.read_text() and "My words." in readme.read_text()
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "croissant.json", "mine"]


def test_a_killed_build_leaves_nothing_half(tmp_path):
    log = write_log(tmp_path, 300_000)
    code = f"from logllm.hf_datasets import LogSystem, build; build(LogSystem('mine', 'Mine'), {str(log)!r}, {str(tmp_path / 'out')!r})"
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    for _ in range(600):
        if list((tmp_path / "out").glob(".mine.building-*")):
            break
        time.sleep(0.05)
    child.kill()
    child.wait()
    with pytest.raises(LogInputError, match="found none in"):
        load_windows(tmp_path / "out", "mine")
    quiet(PLAIN, write_log(tmp_path, 500), tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "croissant.json", "mine"]


def test_the_masked_column_and_the_template_table(built, shared_data, tmp_path):
    rules = ((masking.ELLIPSIS, ".. "), (masking.PATTERN, masking.MASK))
    log = shared_data / "bgl/BGL_2k.log"
    with_rules = quiet("bgl", log, tmp_path / "one", mask=masking.mask_message, mask_rules=rules)
    without = quiet("bgl", log, tmp_path / "two", mask=masking.mask_message)
    assert with_rules["files"] == without["files"]
    for row in load_windows(tmp_path / "one", "bgl")["test"]:
        assert row["masked"] == [masking.mask_message(line) for line in row["lines"]]
    assert "masked" not in load_windows(built[0], "bgl")["test"].features
    table = load_dataset(str(built[0]), "bgl-templates", split="train")
    known = load_templates(built[0], "bgl")["templates"]
    assert table.to_list() == [{name: row[name] for name in ("key", "text", "count")} for row in known]


def test_a_mini_configuration(built, shared_data):
    out, statistics = built
    mini = quiet(
        "hdfs", shared_data / "hdfs/HDFS_2pct.log", out, labels=shared_data / "hdfs/anomaly_label.csv", mini=True
    )
    assert mini["name"] == "hdfs-mini" and "hdfs-mini" in configurations(out)
    messages = sum(one["messages"] for one in mini["splits"].values())
    assert 20_000 < messages < 45_000
    whole = {row["window_id"] for row in load_windows(out, "hdfs")["test"]}
    assert {row["window_id"] for row in load_windows(out, "hdfs-mini")["test"]} < whole
    assert load_statistics(out, "hdfs") == statistics["hdfs"]


def test_a_range_of_lines(tmp_path):
    log = write_log(tmp_path)
    statistics = quiet(PLAIN, log, tmp_path / "out", lines=(300, 700))
    data = load_windows(tmp_path / "out", "mine")
    assert statistics["lines"]["read"] == 400 and statistics["slice"]["lines"] == [300, 700]
    assert data["train"][0]["line_numbers"][0] == 301 and data["test"][-1]["line_numbers"][-1] == 700
    for span, message in (
        ((900, 1100), "its end at line 1,000"),
        ((2000, 3000), "its end before line 2,000"),
        ((5, 5), "range"),
    ):
        with pytest.raises(LogInputError, match=message):
            quiet(PLAIN, log, tmp_path / "out", lines=span)


def test_the_slice_of_a_system_holds_where_the_log_reaches_it(tmp_path):
    row = dataclasses.replace(PLAIN, slice=(100, 200))
    assert quiet(row, write_log(tmp_path), tmp_path / "out")["slice"] == {
        "lines": [100, 200],
        "why": "the paper's lines",
    }
    short = quiet(row, write_log(tmp_path, 90), tmp_path / "out")
    assert short["slice"]["lines"] is None and "ends before line 100" in short["slice"]["why"]


def test_archives_give_the_same_windows(built, shared_data, tmp_path):
    log = shared_data / "thunderbird/TB_20051115_block07.log"
    data = log.read_bytes()
    expected = quiet("thunderbird", log, tmp_path / "plain")["files"]
    (tmp_path / "log.gz").write_bytes(gzip.compress(data))
    (tmp_path / "log.zst").write_bytes(pa.compress(data, codec="zstd", asbytes=True))
    with zipfile.ZipFile(tmp_path / "log.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", "not this one")
        archive.write(log, "Thunderbird.log")
    with tarfile.open(tmp_path / "log.tar.gz", "w:gz") as archive:
        archive.add(log, "logs/Thunderbird.log")
    for name in ("log.gz", "log.zst", "log.zip", "log.tar.gz"):
        assert quiet("thunderbird", tmp_path / name, tmp_path / "out")["files"] == expected
        half = tmp_path / f"half.{name}"
        half.write_bytes((tmp_path / name).read_bytes()[: (tmp_path / name).stat().st_size // 2])
        with pytest.raises(LogInputError, match="must be whole"):
            quiet("thunderbird", half, tmp_path / "out")


def test_many_shards_and_spilled_sessions(built, shared_data, tmp_path, monkeypatch):
    writing = importlib.import_module("logllm.hf_datasets.columnar.parquet_shards")
    monkeypatch.setattr(writing, "SHARD_MESSAGES", 5000)
    monkeypatch.setattr(writing, "SPILL_BYTES", 100_000)
    monkeypatch.setattr(importlib.import_module("logllm.hf_datasets.reading.chunks"), "CHUNK_BYTES", 100_000)
    labels = shared_data / "hdfs/anomaly_label.csv"
    statistics = quiet("hdfs", shared_data / "hdfs/HDFS_2pct.log", tmp_path, labels=labels)
    whole = built[1]["hdfs"]["splits"]
    assert {name: one["sha256"] for name, one in statistics["splits"].items()} == {
        name: one["sha256"] for name, one in whole.items()
    }
    assert len(statistics["files"]) > 20 and not list((tmp_path / "hdfs").glob(".*"))
    assert load_windows(tmp_path, "hdfs")["train"].num_rows == whole["train"]["windows"]


def test_the_paper_is_compared(built):
    found = built[1]["bgl"]["paper"]
    assert found["paper"]["train_sequences"] == 37_708 and found["ours"]["train_sequences"] == 474
    assert "train_sequences" in found["differs_in"]


def test_json_lines_are_built(tmp_path):
    log = tmp_path / "my.json"
    lines = [json.dumps({"time": f"2024-05-01T10:00:{at % 60:02}Z", "msg": f"step {at} é"}) for at in range(300)]
    log.write_text("\n".join([*lines, "{broken"]) + "\n", "utf-8")
    statistics = quiet("ndjson", log, tmp_path / "out")
    assert statistics["lines"] == {"read": 301, "parsed": 300, "unparsed": 1}
    assert load_windows(tmp_path / "out", "ndjson")["test"][0]["lines"][0] == "step 240 é"


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(importlib.import_module("logllm.hf_datasets.build_dataset"), "write_shards", full)
    with pytest.raises(LogInputError, match="is full"):
        quiet(PLAIN, write_log(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_and_an_archive_with_the_labels_inside(shared_data, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    with pytest.raises(LogInputError, match="found no file named like one"):
        quiet("hdfs", folder, tmp_path / "out")
    (folder / "HDFS.log").write_bytes((shared_data / "hdfs/HDFS_2k.log").read_bytes())
    (folder / "anomaly_label.csv").write_text("BlockId,Label\nblk_38865049064139660,Anomaly\n")
    first = quiet("hdfs", folder, tmp_path / "out")
    assert first["labels"]["used"] == 1
    packed = tmp_path / "HDFS_v1.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(folder / "HDFS.log", "HDFS.log")
        archive.write(folder / "anomaly_label.csv", "preprocessed/anomaly_label.csv")
    assert quiet("hdfs", packed, tmp_path / "out", labels=packed)["files"] == first["files"]
    assert quiet("hdfs", packed, tmp_path / "out")["files"] == first["files"]  # it is asked for them by itself


def test_a_log_of_another_published_system_is_refused(shared_data, tmp_path):
    hdfs = shared_data / "hdfs/HDFS_2k.log"
    with pytest.raises(LogInputError, match=r"must be one of bgl.*look like hdfs"):
        quiet("bgl", hdfs, tmp_path / "out")
    with pytest.raises(LogInputError, match=r"must be one of thunderbird.*look like bgl"):
        quiet("thunderbird", shared_data / "bgl/BGL_2k.log", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    own = dataclasses.replace(get_system("bgl"), signature=None)  # whoever says so is believed
    assert quiet(own, hdfs, tmp_path / "out")["lines"]["parsed"] > 0


@pytest.mark.parametrize(("line_labels", "masked"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_schema_is_that_of_the_features(line_labels, masked):
    from datasets import ClassLabel, Features, List, Value

    from logllm.hf_datasets.storing import LABELS, window_schema, yaml_features

    schema = window_schema(line_labels, masked)
    label = ClassLabel(names=list(LABELS))
    wanted = {
        "window_id": Value("string"),
        "lines": List(Value("large_string")),
        "line_numbers": List(Value("int64")),
        "keys": List(Value("string")),
        "masked": List(Value("string")),
        "line_labels": List(label),
        "first_timestamp": Value("float64"),
        "last_timestamp": Value("float64"),
        "label": label,
    }
    left_out = {name for name, there in (("masked", masked), ("line_labels", line_labels)) if not there}
    features = Features({name: one for name, one in wanted.items() if name not in left_out})
    assert schema.equals(features.arrow_schema, check_metadata=True)
    assert yaml_features(schema) == features._to_yaml_list()
