"""What made a result is said whether there is a checkout, a processor's name and every package, or not."""

import json
import subprocess

from logllm import provenance as made


def test_the_commit_is_the_checkouts():
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode == 0:
        assert made.commit().rstrip("+") == head.stdout.strip()


def test_without_git_it_is_not_recorded(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert made.commit() == made.NOT_RECORDED


def test_a_package_that_is_not_installed_is_left_out():
    assert list(made.versions(("numpy", "no-such-package-of-ours"))) == ["numpy"]


def test_plain_values():
    found = made.provenance(("numpy",))
    assert json.loads(json.dumps(found)) == found
    assert list(found) == ["commit", "machine", "processor", "load", "python", "versions", "time"]
