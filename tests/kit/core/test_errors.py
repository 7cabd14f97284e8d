"""What a machine refuses is told as that, under whatever name a library gives it."""

import sqlite3
from pathlib import Path

import pytest
from mlops_kit.core import programs
from mlops_kit.core.errors import MlopsError, refused_by_machine, used_up


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (sqlite3.OperationalError("database is locked"), "Another process holds the registry"),
        (OSError(28, "No space left on device"), "The disk is full"),
        (RuntimeError("IO Error: Could not write all bytes to disk"), "The disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "The disk is full"),
        (MemoryError(), "too little memory"),
        (OSError(30, "Read-only file system", "data/.x.tmp"), "can only be read"),
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


def test_a_full_disk_below_a_sentence_of_our_own_is_the_reason_and_a_server_is_not() -> None:
    def wrapped(cause: Exception) -> BaseException | None:
        error = MlopsError("MLflow refuses: (raised as a result of Query-invoked autoflush)")
        error.__cause__ = RuntimeError("Query-invoked autoflush")
        error.__cause__.__cause__ = cause
        return error.__cause__

    full = sqlite3.OperationalError("database or disk is full")
    assert "The disk is full" in (used_up(wrapped(full)) or "")
    assert used_up(wrapped(ConnectionError("[Errno 111] Connection refused"))) is None


def test_a_folder_that_can_only_be_read_is_named_and_not_the_temporary_file_in_it() -> None:
    said = used_up(OSError(30, "Read-only file system", "/srv/shop/models/.model.skops.a1.tmp"))
    assert (said or "").endswith("written, then again (/srv/shop/models).")


def test_what_another_program_says_in_letters_of_another_encoding_is_no_error() -> None:
    said = programs.said_by("printf", r"\374nl\374")
    assert said.stdout == "\ufffdnl\ufffd"
    assert programs.said_by("sh", "-c", "echo $LC_ALL").stdout == "C\n"


def test_no_output_of_a_program_is_read_by_the_machines_own_encoding() -> None:
    package = Path(str(programs.__file__)).parents[1]
    texts = {file.name: file.read_text(encoding="utf-8") for file in package.rglob("*.py")}
    asked = {name: text.count("text=True") for name, text in texts.items() if "text=True" in text}
    assert asked == {name: texts[name].count('errors="replace"') for name in asked}
    assert set(asked) == {"programs.py", "external.py", "run.py"}


def test_errors_that_name_each_other_as_their_cause_come_to_an_end() -> None:
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    assert used_up(first) is None
    second.__cause__ = OSError(28, "No space left on device")
    assert "disk is full" in str(used_up(first))
