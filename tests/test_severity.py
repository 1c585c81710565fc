"""The severity prior: header level, words, never the label column."""

import pytest

from logllm.decision.severity import severities, severity
from logllm.hf_datasets import get_system

LABEL = "KERNPANIC 1117838570 2005.06.03 R02 2005-06-03-15.42.50.363779 R02 RAS KERNEL INFO "


@pytest.mark.parametrize(
    ("raw", "content", "nats"),
    [
        ("2026-01-02 INFO all well", "all well", 0.0),
        ("2026-01-02 ERROR no route", "no route", 2.0),
        ("081109 WARN dfs: slow", "slow", 1.0),
        ("x kernel: Fatal error (Local Catastrophic Error)", "Fatal error (Local Catastrophic Error)", 4.5),
        ("a failover went well", "a failover went well", 0.0),
        ("", "", 0.0),
        ("ERROR é 7", "é 7", 2.0),
    ],
)
def test_nats(raw, content, nats):
    assert severity(raw, content) == nats


def test_the_label_column_is_the_truth_and_is_not_looked_at():
    row = get_system("bgl")
    assert severities([LABEL + "all well"], ["all well"], row) == [0.0]
    assert severity("FATAL rest of it", "rest of it", has_label=False) == 4.0
