import pytest
from round_trip import round_trip


@pytest.mark.slow
def test_everything_published_loads_by_its_id_without_the_package_and_scores_equal(tmp_path):
    rows = round_trip(tmp_path, with_space=False)
    assert {row["kind"] for row in rows} == {
        "logllm-model", "logllama-model", "logllm-pipeline", "logllama-pipeline", "adapter", "logllm-trainer",
        "logllama-trainer", "dataset", "metric",
    }  # fmt: skip
    for row in rows:
        assert row["largest_difference"] < 1e-5, row
        assert row.get("module", "transformers_modules") == "transformers_modules", row
