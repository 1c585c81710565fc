"""What `make check` says of pip-audit's findings: a vulnerability fails, a service out of reach is said and does not."""

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("audit", Path(__file__).parent.parent / ".ci" / "audit.py")
assert SPEC is not None and SPEC.loader is not None
audit = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(audit)

FINE = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI and could not be audited: c (1)"}


@pytest.mark.parametrize(
    "packages, code, text",
    [
        ([FINE, FINE, SKIPPED], 0, "no known vulnerabilities in 2 packages (1 not known"),
        ([FINE, BAD], 1, "b 2: PYSEC-1, fixed in 3"),
        ([SKIPPED, SKIPPED, BAD], 1, "1 packages have known vulnerabilities"),
        ([SKIPPED, SKIPPED, FINE], 0, "NOT AUDITED"),
        ([], 0, "NOT AUDITED"),
    ],
)
def test_the_verdict(packages, code, text):
    assert audit.verdict({"dependencies": packages}) == (code, audit.verdict({"dependencies": packages})[1])
    assert text in audit.verdict({"dependencies": packages})[1]
