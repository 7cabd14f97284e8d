"""What every database that speaks SQL must do: the same tests for each kind.

A kind gives a `Database`, and a class of tests that inherits from `LandsOnce`.
"""

import dataclasses
import datetime
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Protocol

import polars as pl
import pytest
import yaml
from databases import MEMBERS, VARIABLE, landed, left, place, recorded, snapshot, written
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of
from mlops_kit.core.settings import load_settings
from mlops_kit.data.config import load_sources
from mlops_kit.data.ingest import ingest
from mlops_kit.data.landing import parts
from mlops_kit.data.landing.described import landed_from
from mlops_kit.data.landing.looked import look
from mlops_kit.data.sources.sql import stream
from polars.testing import assert_frame_equal
from running import new_project, replace
from stages import command, pipeline

INCREMENTAL = {"columns": MEMBERS, "cursor": "changed", "key": ["member_id"]}
MANY = 300_000
WHOLE = "shop: {kind: sample, customers: 5000, products: 300, order_lines: 60000, seed: 7}"
SAMPLE = "{kind: sample, customers: 600, products: 60, order_lines: 8000, seed: 7}"
CLIENT = """
import sys
from mlops_kit.data.landing import parts
parts.PART = 20_000
from mlops_kit.cli import main
sys.argv = ["mlops", "data", "ingest"]
main()
"""


class Database(Protocol):
    """A server, its database, and how a project reaches it."""

    password: str
    sleeps: str
    """A condition that holds after two seconds."""

    def source(self, **more: Any) -> dict[str, Any]:
        """Return its entry in conf/sources.yaml, without the password."""

    def run(self, *statements: str) -> None:
        """Run statements as the owner."""

    def members(self, count: int) -> None:
        """Make `members`: ids 1 to `count`, a name, changed a minute after each other."""

    def stranger(self) -> dict[str, Any]:
        """Return the entry of a user with the same password who may read nothing."""

    def reader(self) -> dict[str, Any]:
        """Return the entry of a user with the same password who may only read `members`."""

    def kill(self) -> None:
        """End the server as a power cut would."""

    def start(self) -> None:
        """Start it again."""


def break_at(
    monkeypatch: pytest.MonkeyPatch, batch: int, what: Any, which: Sequence[int] = (1,)
) -> None:
    """Do something when a batch has just come; `which` reads are disturbed, the first is 1."""
    drained, reads = stream.drained, []

    def disturbed(opened: Any) -> Any:
        reads.append(1)

        def batches() -> Any:
            for number, one in enumerate(opened(), 1):
                if number == batch and len(reads) in which:
                    what()
                yield one

        return drained(batches)

    monkeypatch.setattr(stream, "drained", disturbed)


def refused() -> str:
    """Land, and return the one sentence that refuses it; no password is in it."""
    with pytest.raises(MlopsError) as told:
        landed()
    said = str(told.value)
    assert "\n" not in said and os.environ[VARIABLE] not in said
    assert told.value.__cause__ is None or os.environ[VARIABLE] not in str(told.value.__cause__)
    return said


class LandsOnce:
    """Each row once, whole or not at all, whatever happens."""

    kind: str
    odd: ClassVar[Mapping[str, tuple[str, str]]]
    """Columns whose type there takes a value that it does not take here: type and value."""
    lenient: Sequence[str] = ()
    """What lets the server take such values."""

    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database) -> None:
        self.folder, self.patch, self.database = tmp_path, monkeypatch, database
        self.write(INCREMENTAL)

    def write(self, table: Mapping[str, Any], **source: Any) -> None:
        entry = self.database.source() | source
        written(self.folder, self.patch, entry, {"members": table}, self.database.password)

    def slow(self) -> dict[str, str]:
        """Return a query during which the server waits: what comes is read ahead otherwise."""
        # A later read goes on behind the first of them and still meets the second.
        rows = f"member_id NOT IN ({MANY // 3}, {MANY // 3 * 2})"
        return {"query": f"SELECT * FROM members WHERE {rows} OR {self.database.sleeps}"}

    def ids(self) -> list[int]:
        return snapshot("members")["member_id"].sort().to_list()

    def test_new_and_changed_rows_come_once_and_take_the_place_of_the_old(self) -> None:
        self.database.members(1000)
        assert landed()[0].startswith("members: 1,000 rows from db")
        assert recorded()["members"][0]["cursor"] == "2026-01-01T16:40:00"
        before = sha256_of(place("members"))
        assert landed()[0].startswith("members: nothing new from db")
        assert sha256_of(place("members")) == before
        self.database.run(
            "UPDATE members SET name = 'new', changed = '2026-02-01' WHERE member_id = 7",
            # A row without a cursor comes each time, beside others or alone.
            "INSERT INTO members VALUES (2000, 'later', '2026-02-02'), (2001, NULL, NULL)",
        )
        assert "members: 2 new and 2 changed rows, 1,002 in all" in landed()[0]
        assert snapshot("members").filter(member_id=7)["name"].to_list() == ["new"]
        self.database.run("INSERT INTO members VALUES (2002, 'none', NULL)")
        assert "members: 1 new and 2 changed rows, 1,003 in all" in landed()[0]
        assert self.ids() == [*range(1, 1001), 2000, 2001, 2002]
        assert left("members") == []

    def test_only_rows_from_the_cursor_on_are_asked_for(self) -> None:
        self.database.members(1000)
        landed()
        # Changed behind the cursor's back: seen only by a whole read, or from an earlier cursor.
        self.database.run("UPDATE members SET name = 'x' WHERE member_id = 5")
        assert "nothing new" in landed()[0]
        assert "0 new and 996 changed" in landed(since="2026-01-01 00:05:00")[0]
        self.database.run("DELETE FROM members WHERE member_id = 6")
        assert "nothing new" in landed()[0] and 6 in self.ids()
        assert "999 rows" in landed(full=True)[0] and 6 not in self.ids()

    def test_a_first_look_is_limited_and_the_next_read_is_whole(self) -> None:
        self.database.members(1000)
        assert "10 rows" in landed(limit=10)[0]
        assert recorded()["members"][0]["limit"] == 10
        assert "1,000 rows" in landed()[0]
        assert "limit" not in recorded()["members"][0]
        with pytest.raises(MlopsError, match="--limit is for a first look"):
            landed(limit=10)

    def test_the_stage_reads_the_snapshot_and_opens_no_connection(self) -> None:
        self.database.members(1000)
        landed()
        self.database.kill()
        try:
            said = ingest(load_settings(), Path("data/open/tables"), Path("data/quarantine"))
        finally:
            self.database.start()
        assert said.startswith("1 table, 1,000 rows, 0 set aside")

    def test_without_a_snapshot_the_command_that_lands_it_is_named(self) -> None:
        with pytest.raises(MlopsError, match=r"does not exist; .*`uv run mlops data ingest` lands"):
            ingest(load_settings(), Path("data/open/tables"), Path("data/quarantine"))

    def test_what_a_source_refuses_is_one_sentence_and_changes_nothing(self) -> None:
        self.database.members(1000)
        landed()
        before = sha256_of(place("members"))
        for table, source, says in (
            (INCREMENTAL, self.database.stranger(), "does not permit it"),
            (INCREMENTAL | {"path": "nothing"}, {}, "has no such table"),
            (INCREMENTAL | {"columns": MEMBERS | {"nome": {"type": "string"}}}, {},
             'no column "nome": it has "name"'),
            (INCREMENTAL | {"key": ["name"]}, {}, "is empty in some rows"),
            (INCREMENTAL | {"query": "SELECT * FROM members WHERE member_id < 0"}, {},
             "has no rows: nothing was landed"),
            (INCREMENTAL | {"query": "SELECT 1 AS member_id, m.name, m.changed FROM members m"},
             {}, "is not unique: 1 of its values stand more than once"),
            (INCREMENTAL | {"query": "SELEC"}, {}, "cannot read the statement"),
        ):  # fmt: skip
            self.database.run("UPDATE members SET name = NULL WHERE member_id = 1")
            self.write(table, **source)
            said = refused()
            assert says in said, said
            assert sha256_of(place("members")) == before
            assert left("members") == []

    def test_a_wrong_password_and_a_closed_port_are_told_apart(self) -> None:
        self.patch.setenv(VARIABLE, "wrong")
        assert "does not let this user in" in refused()
        self.patch.delenv(VARIABLE)
        with pytest.raises(MlopsError, match=f"db needs the environment variable {VARIABLE}"):
            landed()
        self.patch.setenv(VARIABLE, self.database.password)
        address = self.database.source()["address"]
        port = address.rpartition(":")[2].partition("/")[0]
        self.write(INCREMENTAL, address=address.replace(port, "1"))
        assert "does not answer, or broke off" in refused()

    def test_a_renamed_column_and_another_type_stop_it_until_somebody_decides(self) -> None:
        self.database.members(1000)
        landed()
        before = sha256_of(place("members"))
        self.database.run(
            "ALTER TABLE members ADD COLUMN day date",
            "UPDATE members SET day = changed",
            "ALTER TABLE members DROP COLUMN changed",
        )
        assert 'has no column "changed"' in refused()
        self.database.run("ALTER TABLE members RENAME COLUMN day TO changed")
        said = refused()
        assert 'The column "changed" of members of db was timestamp[us] and is date32' in said
        assert sha256_of(place("members")) == before
        assert "1,000 rows" in landed(full=True)[0]

    def test_new_missing_and_retyped_columns_are_what_the_source_decides(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.database.members(1000)
        landed()
        self.database.run(
            "ALTER TABLE members ADD COLUMN desk int",
            "ALTER TABLE members ADD COLUMN day date",
            "UPDATE members SET day = changed",
            "ALTER TABLE members DROP COLUMN changed",
            "ALTER TABLE members RENAME COLUMN day TO changed",
            "ALTER TABLE members DROP COLUMN name",
        )
        before = sha256_of(place("members"))
        self.write(INCREMENTAL, drift="freeze")
        assert "(new columns: desk; it lacks name): mend the source" in refused()
        self.write(INCREMENTAL, drift="discard")
        assert 'The column "changed" of members of db was timestamp' in refused()
        assert sha256_of(place("members")) == before
        self.write(INCREMENTAL, drift="evolve")
        (said,) = landed()
        assert "1,000 rows" in said
        assert "members: new columns: desk\nmembers: it lacks name" in said
        assert "changed was timestamp[us] and is date32[day] now" in capsys.readouterr().err
        assert snapshot("members").columns == ["member_id", "changed"]
        told = ingest(load_settings(), Path("tables"), Path("quarantine"))
        assert "members: its source has changed: members.parquet lacks name" in told
        assert pl.read_parquet("tables/members.parquet")["name"].null_count() == 1000

    def test_a_server_that_is_killed_while_it_is_read_leaves_parts_and_the_rest_follows(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.patch.setattr(parts, "PART", 20_000)
        self.write(INCREMENTAL | self.slow(), batch=2_000)
        self.database.members(MANY)
        break_at(self.patch, 3, self.database.kill)
        assert "does not answer, or broke off" in refused()
        assert not place("members").exists() and left("members") == ["members.landing"]
        self.database.start()
        self.changes()
        assert landed()[0].startswith(f"members: {MANY + 2:,} rows")
        assert "members: goes on behind" in capsys.readouterr().err
        self.check_changes()

    def test_a_read_that_breaks_off_is_tried_again_by_itself(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.patch.setattr(parts, "PART", 20_000)
        self.write(INCREMENTAL | self.slow(), batch=2_000, retries=2)
        self.database.members(MANY)
        waits: list[float] = []

        def again(seconds: float) -> None:
            if seconds >= 1:  # not that of who waits for the server
                waits.append(seconds)
                self.database.start()

        self.patch.setattr(time, "sleep", again)
        break_at(self.patch, 3, self.database.kill, (1, 2))
        assert landed()[0].startswith(f"members: {MANY:,} rows")
        assert waits == [1, 2] and capsys.readouterr().err.count("goes on behind") == 2
        assert self.ids() == [*range(1, MANY + 1)]

    def test_what_is_read_after_a_broken_read_may_break_off_too(self) -> None:
        self.patch.setattr(parts, "PART", 20_000)
        self.write(INCREMENTAL | self.slow(), batch=2_000)
        self.database.members(MANY)

        def gone() -> None:
            raise RuntimeError("it went away")

        break_at(self.patch, 3, gone)
        assert "does not answer, or broke off (it went away)" in refused()
        self.changes()
        # The third read looks for what changed in the meantime.
        self.patch.undo()
        self.patch.chdir(self.folder)
        self.patch.setenv(VARIABLE, self.database.password)
        break_at(self.patch, 1, gone, (2,))
        assert "does not answer, or broke off (it went away)" in refused()
        assert not place("members").exists()
        landed()
        self.check_changes()

    def test_without_a_cursor_a_broken_read_begins_again_and_is_right(self) -> None:
        self.write({"columns": MEMBERS} | self.slow(), batch=2_000)
        self.database.members(MANY)
        break_at(self.patch, 3, self.database.kill)
        assert "does not answer, or broke off" in refused()
        assert left("members") == []
        self.database.start()
        self.changes()
        landed()
        self.check_changes()

    def test_a_client_that_is_killed_loses_nothing_and_leaves_nothing_half(self) -> None:
        self.write(INCREMENTAL, batch=2_000)
        self.database.members(MANY)
        client = subprocess.Popen([sys.executable, "-c", CLIENT], stderr=subprocess.DEVNULL)
        folder = place("members").with_name("members.landing")
        until = time.monotonic() + 60
        while len(list(folder.glob("*.parquet"))) < 3 and time.monotonic() < until:
            time.sleep(0.005)
        client.send_signal(signal.SIGKILL)
        client.wait()
        assert not place("members").exists() and len(list(folder.glob("0*.parquet"))) >= 3
        self.changes()
        landed()
        self.check_changes()

    def changes(self) -> None:
        """Change rows before and behind any place where a read may have broken off."""
        self.database.run(
            "UPDATE members SET name = 'changed', changed = '2027-01-01' "
            f"WHERE member_id IN (3, {MANY - 3})",
            f"INSERT INTO members VALUES (0, 'new', '2027-01-02'), ({MANY + 1}, 'new', NULL)",
        )

    def check_changes(self) -> None:
        assert self.ids() == [*range(MANY + 2)]
        names = snapshot("members").filter(pl.col("member_id").is_in([0, 3, MANY - 3, MANY + 1]))
        assert names.sort("member_id")["name"].to_list() == ["new", "changed", "changed", "new"]
        assert left("members") == []

    def test_a_full_disk_is_said_and_leaves_the_snapshot_of_before(self) -> None:
        self.database.members(1000)
        landed()
        before = sha256_of(place("members"))
        self.database.run("DROP TABLE members")
        self.database.members(MANY)
        code = (
            "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n" + CLIENT
        )
        done = subprocess.run(
            [sys.executable, "-c", code.replace('"ingest"]', '"ingest", "--full"]')],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 3, done.stderr
        assert done.stderr.count("\n") <= 4 and "The disk is full" in done.stderr, done.stderr
        assert sha256_of(place("members")) == before
        landed(full=True)
        assert self.ids() == [*range(1, MANY + 1)]

    def test_a_source_is_looked_at_without_reading_it(self) -> None:
        self.database.members(10)
        found = {one.what: one for _, one in look(load_sources(), {})}
        assert found["connection"].well and found["members"].well and found["clock"].well
        assert not found["permission"].well
        assert "may change data there" in found["permission"].said
        entry = self.database.reader()
        odd = MEMBERS | {"name": {"type": "boolean"}, "changed": {"type": "integer"}}
        self.write(INCREMENTAL | {"columns": odd}, **entry)
        found = {one.what: one for _, one in look(load_sources(), {})}
        assert found["permission"].well
        assert not found["members"].well
        assert "changed is timestamp[us] there, declared integer" in found["members"].said, found

    def test_the_whole_pipeline_gives_the_features_of_the_sample_to_the_last_digit(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        features = []
        folder = tmp_path_factory.mktemp("shops")
        for kind in ("sample", "database"):
            answers = {"personal_data": "none", "data_sources": ["sample", self.kind]}
            shop = new_project(folder / kind, answers)
            shop = dataclasses.replace(shop, extra={VARIABLE: self.database.password})
            file = shop.path / "conf/sources.yaml"
            replace(file, WHOLE, f"shop: {SAMPLE}")
            if kind == "database":
                tables = load_sources(file).tables
                address = self.database.source()["address"]
                variable = address.rpartition("/")[2].upper() + "_PASSWORD"
                owner = dataclasses.replace(shop, extra={variable: self.database.password})
                for expected in (0, 3):  # nothing is written over
                    done = command(owner, ["data", "sample", "--into", address])
                    assert done.returncode == expected, done.stderr
                assert "already, and nothing was written" in done.stderr
                self.from_database(file)
                said = command(shop, "data ingest")
                assert said.returncode == 0, said.stderr
                assert [line.split(":")[0] for line in said.stdout.splitlines()] == [*tables]
                done = command(shop, "sources test")
                assert "products     60 good, 0 broken" in done.stdout, done.stdout
            pipeline(shop)
            features.append(pl.read_parquet(shop.path / "data/open/features.parquet"))
        assert len(features[0]) > 1000
        assert_frame_equal(*features)

    def from_database(self, file: Path) -> None:
        """Have every table of a project come from the database."""
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        entry = self.database.source() | {"password": {"env": VARIABLE}}
        content["sources"] = {"db": entry}
        for name, table in content["tables"].items():
            table |= {"source": "db", "path": name}
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        # As whoever has own data does: only the invented shop knows the best possible answer.
        compare = file.with_name("compare.yaml")
        lines = compare.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith(("oracle:", "acknowledged:"))]
        compare.write_text("".join(kept), encoding="utf-8")

    def test_a_column_that_holds_what_its_type_cannot_is_described_as_text_and_told(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in self.odd.items())
        values = ", ".join(f"'{text}'" for _, text in self.odd.values())
        self.database.run(
            *self.lenient, "DROP TABLE IF EXISTS typed",
            f"CREATE TABLE typed (id int, day date, amount numeric(12,2), {columns})",
            f"INSERT INTO typed VALUES (1, '2026-01-02', 1.50, {values})",
        )  # fmt: skip
        address = self.database.source()["address"]
        variable = f"{address.rpartition('/')[2].upper()}_PASSWORD"
        self.patch.setenv(variable, self.database.password)
        place, origin = landed_from(f"{address}/typed")
        assert set(origin.texts) == set(self.odd)
        (row,) = pl.read_parquet(place).rows(named=True)
        assert row == {"id": 1, "day": datetime.date(2026, 1, 2), "amount": Decimal("1.50")} | {
            name: text for name, (_, text) in self.odd.items()
        }
        told = capsys.readouterr().err
        assert all(name in told for name in self.odd) and "as text: holds" in told

    def test_a_table_is_described_by_its_address_and_then_read_as_declared(
        self, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        self.database.members(1000)
        answers = {"personal_data": "none", "data_sources": [self.kind]}
        shop = new_project(tmp_path_factory.mktemp("described") / "shop", answers)
        address = self.database.source()["address"]
        variable = f"{address.rpartition('/')[2].upper()}_PASSWORD"
        shop = dataclasses.replace(shop, extra={variable: self.database.password})
        said = command(shop, f"data describe {address}/members")
        assert said.returncode == 0, said.stderr
        content = yaml.safe_load((shop.path / "conf/sources.yaml").read_text(encoding="utf-8"))
        (source,) = content["sources"].values()
        assert source["kind"] == self.kind and source["password"] == {"env": variable}
        table = content["tables"]["members"]
        assert table["columns"]["member_id"] == {"type": "integer", "unique": True}
        assert table["columns"]["changed"]["type"] == "timestamp"
        assert command(shop, "data ingest").returncode == 0
        assert "1,000 good, 0 broken" in command(shop, "sources test").stdout
        told = command(shop, f"data describe {address}/nothing")
        assert told.returncode == 3 and "has no such table" in told.stderr
        told = command(shop, "data describe gopher://host/database/table")
        assert "has such addresses (there are" in told.stderr

    def test_memory_does_not_grow_with_the_table(self) -> None:
        peaks = []
        for count in (100_000, 800_000):
            self.database.run("DROP TABLE IF EXISTS members")
            self.database.members(count)
            code = CLIENT.replace("20_000", "100_000").replace("main()", PEAK)
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            peaks.append(int(done.stdout.split()[-1]))
        assert peaks[1] - peaks[0] < 60 * 1024, peaks


PEAK = """
import resource
try:
    main()
except SystemExit:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
