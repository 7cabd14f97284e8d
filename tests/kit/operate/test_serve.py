"""What is served is what was judged, whoever asks, and whatever fails beside it."""

import pytest
from serving import Start, starter


@pytest.fixture
def start(club, club_tables, monkeypatch):
    made, started = starter(club, club_tables, monkeypatch)
    yield made
    for one in started:
        one.stop()


def test_a_row_is_answered(start: Start) -> None:
    one = start()
    print(one.holder.state.models["model"].path, one.holder.state.models["model"].why_plain)
    for r in one.ask({"id": 17}, {"id": 99}, {"id": "x"}, {}, b"{", {"id": 1, "z": 2}):
        print(r.status_code, r.text)
    print(one.get("/ready").text, one.get("/metrics").text[:3000])
    print(one.get("/openapi.json").text)
