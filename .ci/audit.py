"""Known vulnerabilities among the installed packages, by pip-audit; part of `make check`.

A vulnerability fails. Where the service that knows them cannot be reached (it is PyPI's own, not any mirror's), that is
said and nothing fails: a check that could not be made is not a check that was passed. `python .ci/audit.py`
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

UNREACHED = ("could not be audited", "not found on PyPI")
SECONDS = 300


def verdict(found: dict[str, Any]) -> tuple[int, str]:
    """(exit code, what to say) of pip-audit's JSON."""
    packages = found.get("dependencies", [])
    bad = [one for one in packages if one.get("vulns")]
    skipped = [one for one in packages if any(sign in one.get("skip_reason", "") for sign in UNREACHED)]
    if bad:
        rows = [
            f"  {one['name']} {one['version']}: {row['id']}, fixed in {', '.join(row.get('fix_versions') or []) or 'no version yet'}"
            for one in bad
            for row in one["vulns"]
        ]
        return 1, "\n".join(
            [f"{len(bad)} packages have known vulnerabilities:", *rows, "Raise their pins in constraints.txt."]
        )
    looked = len(packages) - len(skipped)
    if looked <= len(packages) // 2:
        return 0, f"NOT AUDITED: the vulnerability service answered for {looked} of {len(packages)} packages only."
    return 0, f"no known vulnerabilities in {looked} packages ({len(skipped)} not known to the service)"


def main() -> int:
    """Run pip-audit and say what it found."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "20"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        code, text = verdict(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        code, text = 0, f"NOT AUDITED: the vulnerability service did not answer within {SECONDS} s."
    except ValueError:  # no JSON: an error of pip-audit's, or no network at all
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        offline = any(
            sign in done.stderr for sign in ("ConnectionError", "Max retries", "ConnectTimeout", "ReadTimeout")
        )
        code = 0 if offline else 1
        text = f"NOT AUDITED: {'the vulnerability service cannot be reached' if offline else 'pip-audit failed'} ({last[:200]})"
    sys.stdout.write(f"pip-audit: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
