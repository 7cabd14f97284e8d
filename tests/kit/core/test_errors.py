"""What a machine refuses is told as that, under whatever name a library gives it."""

import sqlite3

import pytest
from mlops_kit.core.errors import refused_by_machine


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (sqlite3.OperationalError("database is locked"), "Another process holds the registry"),
        (OSError(28, "No space left on device"), "The disk is full"),
        (RuntimeError("IO Error: Could not write all bytes to disk"), "The disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "The disk is full"),
        (MemoryError(), "too little memory"),
        (ConnectionError("[Errno 111] Connection refused"), "A server does not answer"),
    ],
)
def test_it_is_known_by_its_words_also_below_another_error(error: Exception, said: str) -> None:
    assert said in (refused_by_machine(error) or "")
    above = ValueError("the run ended")
    above.__cause__ = error
    assert said in (refused_by_machine(above) or "")


@pytest.mark.parametrize("text", ["no such table: runs", "column disk not found", ""])
def test_other_errors_are_not_blamed_on_the_machine(text: str) -> None:
    assert refused_by_machine(ValueError(text)) is None
