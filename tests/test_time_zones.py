"""The machine's time zone and language change no data: everything is UTC."""

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest
from packaged import SOURCE, packaged

contract = packaged("mlops.data.contract")
sources = packaged("mlops.data.sources")
external = packaged("mlops.compare.external")
ZONES = (
    "UTC",
    "America/Argentina/Buenos_Aires",
    "Asia/Tokyo",
    "Asia/Kathmandu",
    "America/St_Johns",
)


def read(value: object, kind: str) -> object:
    """Cast one value through the contract; None when it breaks it."""
    table = sources.Table(source="s", columns={"at": {"type": kind}, "id": {"type": "integer"}})
    frame = pl.DataFrame({"at": [value, value], "id": [1, 2]})
    good, broken = contract.validate("t", table, frame)
    assert (good.height, broken.height) in ((2, 0), (0, 2))
    return good["at"][0] if good.height else broken["reason"][0]


@pytest.fixture(params=ZONES)
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TZ", request.param)
    return request.param


def test_a_moment_of_parquet_is_the_same_hour_and_day_in_every_zone(
    zone: str, tmp_path: Path
) -> None:
    moment = dt.datetime(2026, 1, 31, 23, 30, tzinfo=dt.UTC)
    for at, name in ((moment, "utc"), (moment.astimezone(dt.timezone(dt.timedelta(hours=9))), "e")):
        pl.DataFrame({"at": [at]}).write_parquet(tmp_path / f"{name}.parquet")
        files = sources.Files(kind="files", folder=tmp_path)
        for kind, wanted in (
            ("datetime", dt.datetime(2026, 1, 31, 23, 30)),
            ("date", dt.date(2026, 1, 31)),
            ("string", "2026-01-31 23:30:00+00"),
        ):
            table = sources.Table(
                source="s", path=f"{name}.parquet", columns={"at": {"type": kind}}
            )
            good, _ = contract.validate("t", table, sources.read_files(files, "t", table))
            assert good["at"].to_list() == [wanted]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-02T03:04:05", "2024-01-02T03:04:05"),
        ("2024-01-02 03:04", "2024-01-02T03:04:00"),
        ("2024-01-02", "2024-01-02T00:00:00"),
        ("2024/1/2 3:4:5", "2024-01-02T03:04:05"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05"),
        ("2024-01-02 03:04:05 UTC", "2024-01-02T03:04:05"),
        ("2024-01-02T03:04:05+02:00", "2024-01-02T01:04:05"),
        ("2024-01-02T03:04+02:00", "2024-01-02T01:04:00"),
        ("2024-01-02T03:04:05-0500", "2024-01-02T08:04:05"),
        ("2024-01-01T23:04:05-05", "2024-01-02T04:04:05"),
        ("2024-01-02T03:04:05 +0530", "2024-01-01T21:34:05"),
        ("2024-01-02 03:04:05.25+05:45", "2024-01-01T21:19:05.250000"),
        (" 2024-01-02 03:04:05-03:30 ", "2024-01-02T06:34:05"),
        ("2024-01-02 24:00:00-00:30", "2024-01-03T00:30:00"),
    ],
)
def test_an_offset_in_a_text_is_converted(text: str, utc: str, zone: str) -> None:
    moment = dt.datetime.fromisoformat(utc)
    assert read(text, "datetime") == moment
    assert read(text, "date") == moment.date()


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02 03:04:05 America/Lima",
        "2024-01-02 03:04:05 PST",
        "2024-01-02 03:04:05 EST5EDT",
        "2024-01-02 3:04:05 PM",
        "2024-01-02T03:04:05+02:00[Europe/Paris]",
        "2024-01-02 03:04:05+17:00",
        "2024-01-02 03:04:05+02:75",
        "2024-01-02-05",
        "2024-01-02 +02:00",
        "infinity",
        "02/01/2024",
    ],
)
@pytest.mark.parametrize("kind", ["datetime", "date"])
def test_what_is_left_behind_a_moment_is_refused_by_a_sentence(text: str, kind: str) -> None:
    said = str(read(text, kind))
    assert said.startswith(f"at is not of type {kind} (written as 2024-01-31")
    assert "names of time zones are not read" in said
    assert text not in said


def test_logged_decisions_meet_their_rows_whatever_offset_they_were_written_with() -> None:
    import pandas as pd

    columns = {"id": "id", "time": "time"}
    rows = pd.DataFrame(
        {"id": [1, 2], "time": pd.to_datetime(["2024-01-02T00:00", "2024-01-02T03:00"])}
    )
    logged = pd.DataFrame({"id": [1, 2], "time": ["2024-01-01T21:00-03:00", "2024-01-02T03:00Z"]})
    assert external._keys(rows, columns).equals(external._keys(logged, columns))


def test_every_session_of_duckdb_is_opened_in_one_place() -> None:
    opens = re.compile(r"duckdb\.(?:connect|sql|query|execute|read_\w+|from_\w+|default_conn)\(")
    places = [
        file.relative_to(SOURCE).as_posix()
        for file in SOURCE.rglob("*.py")
        if opens.search(file.read_text(encoding="utf-8"))
    ]
    assert places == ["mlops/data/database.py"]
