"""The text of an alarm's issue: numbers as people write them, names that break no table."""

from typing import Any

from mlops_kit.operate.monitor.issue import MOST, issue_text

ALARM = {
    "key": "drift a|b",
    "since": "2026-01-02",
    "cause": "upstream",
    "value": 0.0000123,
    "limit": 1234567.0,
    "sentence": "It moved.",
    "do": "Look.",
    "runbook": "docs/runbook.md",
}


def result(alarms: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a look says of its alarms."""
    model = {"name": "dev.shop", "version": "3"}
    look = {"as_of": "2026-01-09", "rows": 12_000, "window_days": 7}
    return {"alarms": alarms, "model": model, **look}


def test_an_issue_is_a_table_that_people_can_read() -> None:
    text = issue_text(result([ALARM]))
    assert "saw 1 alarm as of 2026-01-09, in 12,000 rows that dev.shop version 3 scored" in text
    assert "| drift a\\|b | 2026-01-02 | upstream | 0.0000123 | 1,230,000 |\n" in text


def test_more_alarms_than_fit_are_counted() -> None:
    text = issue_text(result([{**ALARM, "key": f"drift {n}"} for n in range(MOST + 2)]))
    assert "- and 2 more in the report" in text and f"drift {MOST} " not in text
