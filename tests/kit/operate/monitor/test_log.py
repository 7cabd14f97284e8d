"""The log of looks: one line a look, whole lines only, whatever a kill or a clock does."""

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.monitor import log

QUIET = {"as_of": "2025-01-01", "version": "1", "verdict": "quiet", "alarms": []}


def note(told: dict, file: Path) -> dict:
    line = log.compared(told, file)
    log.append(line, file)
    return line


def alarm(day: str) -> dict:
    return QUIET | {"as_of": day, "verdict": "alarm", "alarms": ["drift a"]}


def test_what_is_new_and_what_has_cleared_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    note(QUIET, file)
    first = note(alarm("2025-01-02"), file)
    again = note(alarm("2025-01-02"), file)
    cleared = note(QUIET | {"as_of": "2025-01-03"}, file)
    assert (first["opened"], again["opened"], cleared["cleared"]) == (["drift a"], [], ["drift a"])
    assert [one["number"] for one in log.looks(file)] == [1, 2, 3]


def test_a_torn_line_is_passed_over_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    note(QUIET, file)
    with file.open("ab") as stream:
        stream.write(b'{"number": 2, "as_of": "20')
    note(alarm("2025-01-02"), file)
    assert [one["verdict"] for one in log.looks(file)] == ["quiet", "alarm"]


def test_the_numbers_decide_the_order_and_not_a_clock_that_jumps(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    note(QUIET, file)
    line = json.loads(file.read_text()) | {"at": "2099-01-01T00:00:00+00:00"}
    file.write_text(json.dumps(line) + "\n")
    note(alarm("2025-01-02"), file)
    assert log.looks(file)[-1]["verdict"] == "alarm"


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    with log.alone(file), pytest.raises(MlopsError, match="at work"), log.alone(file):
        pass


def test_killed_at_any_moment_every_line_that_counts_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    code = textwrap.dedent(
        f"""
        from pathlib import Path
        from mlops_kit.operate.monitor import log
        file = Path({str(file)!r})
        number = len(log.looks(file))
        while True:
            number += 1
            log.append(log.compared({QUIET!r} | {{"as_of": str(number)}}, file), file)
        """
    )
    for place in range(5):
        writer = subprocess.Popen([sys.executable, "-c", code])
        deadline = time.monotonic() + 60
        grown = len(log.looks(file))
        while len(log.looks(file)) < grown + 3 and time.monotonic() < deadline:
            time.sleep(0.01 * (place + 1))
        writer.kill()
        writer.wait()
        numbers = [one["number"] for one in log.looks(file)]
        assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 10
