"""The table of traps names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = [
    line for line in (ROOT / "docs" / "fairness.md").read_text().splitlines() if re.match(r"\| \d+ \|", line)
]


def test_every_trap_has_a_guard_and_a_test():
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, 20))
    for row in ROWS:
        file, name = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", row)[0]
        assert f"def {name}(" in (ROOT / file).read_text(), row
