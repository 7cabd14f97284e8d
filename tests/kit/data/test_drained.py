"""Batches that wait in a file for a slow taker: all, in order, errors at their place."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from mlops_kit.data.sources.sql import drained

COUNT = 40


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(drained, "IN_MEMORY", 100)


def batch(number: int) -> pa.RecordBatch:
    texts = [None, "", f"é{number}", "x" * number]
    return pa.record_batch({"n": [number] * len(texts), "text": texts})


def ahead(last: Exception | None = None) -> tuple[Callable[[], Iterator], threading.Event]:
    """Return a stream, and an event that says that all of it was given, or asked for too much."""
    given = threading.Event()

    def stream() -> Iterator[pa.RecordBatch]:
        yield from map(batch, range(COUNT))
        given.set()
        if last:
            raise last

    return stream, given


def test_a_slow_taker_gets_every_batch_in_order_though_all_were_given_before() -> None:
    stream, given = ahead()
    taken = drained.drained(stream)
    first = next(taken)
    assert given.wait(30), "it does not read ahead"
    assert [first, *taken] == list(map(batch, range(COUNT)))


def test_an_error_comes_behind_the_batches_before_it() -> None:
    stream, given = ahead(OSError("gone"))
    taken = drained.drained(stream)
    came = [next(taken)]
    assert given.wait(30)
    with pytest.raises(OSError, match="gone"):
        came.extend(taken)
    assert came == list(map(batch, range(COUNT)))


def test_who_stops_early_ends_the_reading() -> None:
    asked: list[int] = []
    go, ended = threading.Event(), threading.Event()

    def stream() -> Iterator[pa.RecordBatch]:
        try:
            for number in range(COUNT):
                asked.append(number)
                yield batch(number)
                go.wait(30) if number == 1 else None
        finally:
            ended.set()

    taken = drained.drained(stream)
    next(taken)
    taken.close()
    go.set()
    assert ended.wait(30)
    assert len(asked) <= 3
