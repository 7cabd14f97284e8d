"""What the tests of this room share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Start, starter


@pytest.fixture
def start(club: Path, club_tables: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Give a function that starts a server of the club in process; stop all of them at the end."""
    made, started = starter(club, club_tables, monkeypatch)
    yield made
    for one in started:
        one.stop()
