"""The protect stage: what closes its gate, and what a `kill -9` at any moment leaves behind."""

import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from mlops_kit.core.errors import MlopsError
from mlops_kit.privacy import commands
from mlops_kit.privacy.protect import keys
from mlops_kit.privacy.protect import stage as protect
from mlops_kit.privacy.protect import staging as workplace
from rendering import KIT
from small_disk import small_disk, told_of

SOURCES = """
entity: {table: people, column: id}
sources: {club: {kind: files, folder: raw}}
tables:
  people:
    source: club
    path: people.csv
    columns:
      id: {type: integer}
      contact: {type: string}
      note: {type: string}
      age: {type: integer}
  visits:
    source: club
    path: visits.csv
    columns:
      id: {type: integer}
      day: {type: date}
      code: {type: string}
"""
POLICY: dict[str, Any] = {
    "columns": {
        "people.id": {"action": "token", "domain": "person"},
        "people.age": {"action": "keep"},
        "visits.id": {"action": "token", "domain": "person"},
        "visits.day": {"action": "date_shift", "days": 20},
        "visits.code": {"action": "keep"},
    }
}
PEOPLE, VISITS = 400, 3_000
TODAY = datetime.date(2026, 6, 1)
OPEN = Path("data/open")
REPORT = Path("reports/privacy/protect.json")
TARGETS = ["entities.parquet", "people.parquet", "visits.parquet"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a project with two restricted tables, a policy and a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.setenv(keys.KEY_VARIABLE, "k" * 32)
    Path("conf").mkdir()
    Path("conf/dev.yaml").touch()
    Path("conf/sources.yaml").write_text(SOURCES, encoding="utf-8")
    write_policy()
    write_tables()
    return tmp_path


def write_policy(rules: dict[str, Any] | None = None, **more: Any) -> None:
    """Write conf/privacy.yaml with rules of columns over the usual ones; JSON is YAML too."""
    text = json.dumps({"columns": {**POLICY["columns"], **(rules or {})}, **more})
    Path("conf/privacy.yaml").write_text(text, encoding="utf-8")


def write_tables(contact: str = "none", first_age: int = 20) -> None:
    """Write the restricted tables; the first and the last person have `contact`."""
    folder = Path("data/restricted/tables")
    folder.mkdir(parents=True, exist_ok=True)
    ids = pl.Series("id", range(1, PEOPLE + 1))
    contacts = [contact if at in (0, PEOPLE - 1) else "none" for at in range(PEOPLE)]
    people = pl.DataFrame(
        {
            "id": ids,
            "contact": contacts,
            "note": [f"le gusta el tenis {contact}"] * PEOPLE,
            "age": [first_age + at % 50 for at in range(PEOPLE)],
        }
    )
    people.write_parquet(folder / "people.parquet")
    people.select(pl.lit(value=False).alias("held_out"), "id").write_parquet(
        folder / "entities.parquet"
    )
    start = datetime.date(2025, 1, 1)
    pl.DataFrame(
        {
            "id": [1 + at % PEOPLE for at in range(VISITS)],
            "day": [start + datetime.timedelta(days=at % 90) for at in range(VISITS)],
            "code": [f"LAB-{at % 40:03d}" for at in range(VISITS)],
        }
    ).write_parquet(folder / "visits.parquet")


def zone() -> dict[str, bytes]:
    """Return every file of the open zone, hidden ones too."""
    files = [file for file in OPEN.rglob("*") if file.is_file()]
    return {file.relative_to(OPEN).as_posix(): file.read_bytes() for file in files}


def closing(code: int = 1) -> str:
    """Return the one sentence with which protect stops; the open zone stays as it was."""
    before = zone()
    with pytest.raises(MlopsError) as caught:
        protect.protect(TODAY)
    said = str(caught.value)
    assert caught.value.exit_code == code
    assert said.endswith(".")
    assert ". " not in said
    assert zone() == before
    assert not Path("data/restricted/protect").exists()
    return said


def report() -> dict[str, Any]:
    return json.loads(REPORT.read_text(encoding="utf-8"))


def test_tables_pass_as_the_policy_says_and_the_report_tells_what_was_done() -> None:
    said = protect.protect(TODAY)
    assert said.splitlines() == [
        "5 columns pass (2 as tokens, 1 changed), 2 left behind",
        "people: nobody of 400 people is alone by age (smallest class 8)",
    ]
    people, visits = (
        pl.read_parquet(OPEN / f"tables/{name}.parquet") for name in ("people", "visits")
    )
    assert (people.columns, visits.columns) == (["id", "age"], ["id", "day", "code"])
    assert people.join(visits, on="id").height == VISITS
    assert report()["gate"] == "open"
    assert report()["tables"]["visits"]["columns"] == {
        "id": "token",
        "day": "date_shift",
        "code": "keep",
    }
    assert set(zone()) == {f"tables/{name}" for name in TARGETS}


@pytest.mark.parametrize(
    ("value", "entity"),
    [
        ("ana.perez@example.org", "email"),
        ("20-12345678-6", "ar_cuit"),
        ("ES91 2100 0418 4502 0005 1332", "iban"),
    ],
)
def test_a_kept_column_with_personal_data_closes_the_gate(value: str, entity: str) -> None:
    protect.protect(TODAY)
    write_tables(value)
    write_policy({"people.contact": {"action": "keep"}})
    said = closing()
    assert said.startswith("people.contact looks like")
    assert f"({entity}) in 2 values, first in row 1" in said
    assert report()["gate"] == "closed"
    (found,) = [one for one in report()["findings"] if one["refused"]]
    assert (found["place"], found["entity"], found["count"]) == ("people.contact", entity, 2)
    assert value not in said + REPORT.read_text(encoding="utf-8")
    write_policy({"people.contact": {"action": "drop"}})
    protect.protect(TODAY)
    assert report()["gate"] == "open"


def test_an_allowance_lets_through_up_to_its_last_day() -> None:
    write_tables("ana.perez@example.org")
    write_policy(
        {"people.contact": {"action": "keep"}},
        allow=[
            {"place": "people.contact", "entity": "email", "reason": "r", "until": "2026-06-01"}
        ],
    )
    protect.protect(TODAY)
    assert "contact" in pl.read_parquet_schema(OPEN / "tables/people.parquet")
    assert [one["refused"] for one in report()["findings"]] == [False]
    with pytest.raises(MlopsError, match="what allowed it ended on 2026-06-01") as caught:
        protect.protect(TODAY + datetime.timedelta(days=1))
    assert caught.value.exit_code == 1


def test_a_kept_identifier_passes_with_its_reason_until_its_last_day() -> None:
    write_tables("ana.perez@example.org")
    kept = {"entity": "email", "action": "keep", "reason": "r", "until": "2026-06-01"}
    write_policy({"people.contact": kept})
    protect.protect(TODAY)
    before = zone()
    with pytest.raises(MlopsError, match=r"keeps people\.contact until 2026-06-01"):
        protect.protect(TODAY + datetime.timedelta(days=1))
    assert zone() == before


def test_saying_that_a_column_says_nothing_about_people_does_not_open_the_gate() -> None:
    write_tables("ana.perez@example.org")
    write_policy({"people.contact": {"entity": "none", "action": "keep"}})
    assert "people.contact looks like" in closing()


def test_a_text_column_that_nobody_named_stays_behind_or_stops_the_run() -> None:
    write_policy(defaults={"unknown_string_column": "drop"})
    protect.protect(TODAY)
    write_policy(defaults={"unknown_string_column": "fail"})
    assert "says nothing about people.contact, which holds text" in closing(3)
    write_policy(
        {"people.contact": {"action": "drop"}, "people.note": {"action": "drop"}},
        defaults={"unknown_string_column": "fail"},
    )
    protect.protect(TODAY)


@pytest.mark.parametrize("way", ["drop", "redact"])
def test_free_text_stays_behind_or_leaves_without_what_was_found(way: str) -> None:
    write_tables("ana.perez@example.org")
    write_policy({"people.note": {"entity": "free_text"}}, defaults={"free_text": way})
    protect.protect(TODAY)
    opened = pl.read_parquet(OPEN / "tables/people.parquet")
    if way == "drop":
        assert "note" not in opened.columns
    else:
        assert opened["note"].unique().to_list() == ["le gusta el tenis [EMAIL]"]


def test_rows_that_prevent_k_close_the_gate_with_their_positions_alone() -> None:
    protect.protect(TODAY)
    write_tables()
    table = Path("data/restricted/tables/people.parquet")
    lonely = pl.read_parquet(table).with_columns(
        pl.when(pl.col("id") == 7).then(119).otherwise("age").alias("age")
    )
    lonely.write_parquet(table)
    wanted = {"quasi": ["age"], "k": 5, "method": "fail"}
    write_policy(anonymity={"people": wanted})
    said = closing()
    assert said.startswith("1 row of people prevents k = 5 over age (row 7)")
    assert "119" not in said
    wanted["method"] = "suppress"
    write_policy(anonymity={"people": wanted})
    said = protect.protect(TODAY).splitlines()
    # A row that goes is told, with the reason, and handed to the decision's report.
    why = "fewer than 5 rows share age"
    assert said[1] == f"people: left out of {PEOPLE}: 1 row, as {why}"
    assert commands.ROOM.left_out() == {"people": {why: 1}}
    assert pl.read_parquet(OPEN / "tables/people.parquet").height == PEOPLE - 1
    assert report()["tables"]["people"]["anonymity"]["after"]["k"] >= 5
    write_policy(anonymity={"people": wanted | {"method": "generalise", "max_suppressed": 0}})
    coarser = "people: made coarser, because too many rows would stand alone: age"
    assert coarser in protect.protect(TODAY).splitlines()
    assert commands.ROOM.left_out() == {}


def test_a_table_that_is_no_longer_declared_leaves_the_open_zone() -> None:
    protect.protect(TODAY)
    (OPEN / "tables/old.parquet").write_bytes(b"of the past")
    protect.protect(TODAY)
    assert set(zone()) == {f"tables/{name}" for name in TARGETS}


KILLED = """
import os, pathlib, signal
from mlops_kit.privacy.protect import sort as sorting
from mlops_kit.privacy.protect import stage as protect

moment, count = int(os.environ["MOMENT"]), 0

def happens():
    global count
    count += 1
    if count == moment:
        os.kill(os.getpid(), signal.SIGKILL)

def before(name, watched=lambda path: True):
    real = getattr(os, name)
    def call(path, *more, **options):
        if watched(pathlib.Path(path).name):
            happens()
        return real(path, *more, **options)
    setattr(os, name, call)

before("replace")
before("unlink", lambda name: name in ("journal.json", "old.parquet"))
write = sorting._write

def torn(frames, target):
    write(frames, target)
    whole = target.read_bytes()
    target.write_bytes(whole[: len(whole) // 2])
    happens()  # in the middle of a file
    target.write_bytes(whole)

sorting._write = torn
protect.protect()
"""


def killed(moment: int) -> bool:
    """Protect in a process of its own that is killed at a moment; false when it ended before."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        env={**os.environ, "PYTHONPATH": str(KIT), "MOMENT": str(moment)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


@pytest.mark.skipif(os.name == "nt", reason="nobody sends SIGKILL on Windows")
def test_a_kill_at_any_moment_leaves_whole_files_and_the_next_run_finishes() -> None:
    protect.protect(TODAY)
    new = zone()
    write_tables(first_age=30)
    protect.protect(TODAY)
    old = zone()
    assert set(new) == set(old)
    assert new["tables/people.parquet"] != old["tables/people.parquet"]
    seen = set()
    for moment in range(1, 100):
        write_tables(first_age=30)
        protect.protect(TODAY)
        (OPEN / "tables/old.parquet").write_bytes(b"of the past")
        before = zone()
        write_tables()
        if not killed(moment):
            break
        left = zone()
        for name, content in left.items():
            assert content in (before.get(name), new.get(name)), (moment, name)
        # Only what the journal knows how to finish may be half done.
        journal = Path("data/restricted/protect/journal.json").is_file()
        assert journal or left in (before, new), moment
        seen.add("old" if left == before else "new" if left == new else "between")
        if journal:
            workplace.finish()
            assert zone() == new, moment
        protect.protect(TODAY)
        assert zone() == new, moment
        assert not Path("data/restricted/protect").exists()
    assert moment == 11, "three tables, two reports, three moves, a removal, and the journal"
    assert seen == {"old", "between", "new"}


def _open_zone() -> dict[str, bytes]:
    return {f.name: f.read_bytes() for f in sorted((OPEN / "tables").glob("[!.]*"))}


@pytest.mark.parametrize("keep", [0, 8_192, 32_768])
def test_on_a_full_disk_the_open_zone_stays_and_follows_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk, monkeypatch.context() as patch:
        patch.chdir(disk.path)
        shutil.copytree(tmp_path / "conf", "conf")
        write_tables()
        protect.protect(TODAY)
        before = _open_zone()
        write_tables(first_age=120)
        disk.fill(keep)
        assert "The disk is full" in told_of(lambda: protect.protect(TODAY))
        assert _open_zone() == before
        disk.clear()
        protect.protect(TODAY)
        after = _open_zone()
        assert after.keys() == before.keys()
        assert pl.read_parquet("data/open/tables/people.parquet")["age"].max() == 169
        assert not list(Path("data").rglob("*.tmp"))
        patch.undo()
