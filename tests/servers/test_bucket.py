"""Files of a bucket give what the sample gives, are brought once, and refusals are one sentence.

Real: SeaweedFS. (Azurite and fake-gcs-server, emulators of the other two: see the last test.)
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import shop_elsewhere
import storage_servers as servers
import yaml
from running import Project
from small_disk import small_disk

TASK = "classification"
READER, ADMIN = ("readkey", "readsecret"), ("adminkey", "adminsecret")
KEYS = {"reader": (*READER, ["raw"]), "admin": (*ADMIN, [])}


class Weed(servers.Raw):
    """A started SeaweedFS with the bucket `raw`."""

    def source(self, **more: Any) -> dict[str, Any]:
        """Return its entry in conf/sources.yaml."""
        entry = {"kind": "bucket", "address": "s3://raw/shop", "user": READER[0]}
        return entry | {"password": {"env": "BUCKET"}, "options": self.options} | more


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weed]:
    with servers.seaweedfs(tmp_path_factory.mktemp("weed") / "data", KEYS) as server:
        servers.make_buckets(server, *ADMIN, "raw")
        yield Weed(server, *ADMIN)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Render a project that reads a bucket, in an environment of its own."""
    folder = tmp_path_factory.mktemp("bucket")
    made = shop_elsewhere.project_of(folder / "shop", TASK, data_sources=["sample", "bucket"])
    own = {"UV_PROJECT_ENVIRONMENT": str(folder / "venv"), "BUCKET": READER[1]}
    project = Project(made.path, {**made.extra, **own})
    project.run("uv", "sync", "--quiet")
    return project


def mlops(project: Project, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = Path(project.environment()["UV_PROJECT_ENVIRONMENT"]) / "bin/mlops"
    return Project(project.path, {**project.extra, **variables}).run(
        str(program), *words, check=False
    )


def ingested(project: Project, *words: str) -> list[str]:
    done = mlops(project, "data", "ingest", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def refused(project: Project, **variables: str) -> str:
    done = mlops(project, "data", "ingest", **variables)
    assert done.returncode == 3, done.stdout + done.stderr
    said = done.stderr.strip().splitlines()
    assert READER[1] not in done.stderr
    assert "Traceback" not in done.stderr
    return said[-1]


def test_the_shop_in_a_bucket_gives_the_features_of_the_sample(
    weed: Weed, shop: Project, tmp_path: Path
) -> None:
    embedded = shop_elsewhere.project_of(tmp_path / "embedded", TASK)
    embedded = Project(embedded.path, shop.extra)
    assert mlops(embedded, "run").returncode == 0
    expected = shop_elsewhere.features(embedded)
    tables = shop_elsewhere.tables()
    shop_elsewhere.as_csv(tmp_path, "customers", tables["customers"])
    shop_elsewhere.as_json(tmp_path, "products", tables["products"])
    half = len(tables["orders"]) // 2
    tables["orders"][:half].write_parquet(tmp_path / "1.parquet")
    tables["orders"][half:].write_parquet(tmp_path / "2.parquet")
    tables["oracle"].write_parquet(tmp_path / "oracle.parquet")
    names = {"customers.csv": "customers.csv", "products.json": "products.json",
             "orders/1.parquet": "1.parquet", "orders/2.parquet": "2.parquet",
             "oracle.parquet": "oracle.parquet"}  # fmt: skip
    weed.put({f"shop/{name}": tmp_path / file for name, file in names.items()})
    paths = {"customers": "path: customers.csv", "orders": "path: orders",
             "products": "path: products.json\nrecords: data/rows",
             "oracle": "path: oracle.parquet"}  # fmt: skip
    shop_elsewhere.move(shop, json.dumps(weed.source()), paths.__getitem__)
    assert "`uv run mlops data ingest` brings it there" in mlops(shop, "run").stderr
    said = ingested(shop)
    assert said[2].startswith("orders: 2 new, 0 changed and 0 gone files, 2 in all, from mine")
    assert [one.split(": ")[1] for one in ingested(shop)] == ["nothing new from mine"] * 4
    done = mlops(shop, "run")
    assert done.returncode == 0, done.stderr
    made = shop_elsewhere.features(shop)
    assert len(expected) > 1_000
    assert made.equals(expected)
    assert made.schema == expected.schema
    inputs = json.loads((shop.path / "data/inputs.json").read_text(encoding="utf-8"))
    paths_read = [one["path"] for one in inputs["tables"]["orders"]]
    assert paths_read == [f"data/restricted/landed/dev/mine/orders/{n}.parquet" for n in (1, 2)]
    tested = mlops(shop, "sources", "test")
    assert tested.returncode == 0, tested.stdout
    assert "connection: The bucket of source" in tested.stdout


COLUMNS = """
entity: {table: t, column: id}
sources:
  mine: %s
tables:
  t:
    source: mine
    path: %s
    columns: {id: {type: integer}, note: {type: string}}
"""


def declare(project: Project, source: dict[str, Any], path: str = "t") -> Path:
    """Let the project read one table alone; return the folder that it is brought into."""
    text = COLUMNS % (json.dumps(source), path)
    (project.path / "conf/sources.yaml").write_text(text, encoding="utf-8")
    return project.path / "data/restricted/landed/dev/mine/t"


def rows(folder: Path) -> list[int]:
    return sorted(
        number for file in folder.glob("*.csv") for number in pl.read_csv(file)["id"].to_list()
    )


def csv(folder: Path, name: str, *ids: int) -> Path:
    file = folder / name
    file.write_text("id,note\n" + "".join(f"{one},n{one}\n" for one in ids), encoding="utf-8")
    return file


def test_only_new_and_changed_objects_are_brought_and_all_change_at_once(
    weed: Weed, shop: Project, tmp_path: Path
) -> None:
    place = declare(shop, weed.source(address="s3://raw/once"))
    a, b = csv(tmp_path, "a.csv", 1, 2), csv(tmp_path, "b.csv", 3)
    weed.put({"once/t/a.csv": a, "once/t/b.csv": b, "once/t/README.md": a, "once/t/_x.csv": a})
    assert "2 new, 0 changed and 0 gone files, 2 in all" in ingested(shop)[0]
    was = {file.name: file.stat().st_ino for file in place.iterdir()}
    assert sorted(was) == ["a.csv", "b.csv"]
    assert ingested(shop) == ["t: nothing new from mine"]
    weed.put({"once/t/b.csv": csv(tmp_path, "b.csv", 4), "once/t/c.csv": csv(tmp_path, "c", 5)})
    assert "1 new, 1 changed and 0 gone files, 3 in all" in ingested(shop)[0]
    assert rows(place) == [1, 2, 4, 5]
    assert (place / "a.csv").stat().st_ino == was["a.csv"]
    weed.put({"once/t/c.csv": None})
    assert "0 new, 0 changed and 1 gone files, 2 in all" in ingested(shop)[0]
    assert rows(place) == [1, 2, 4]
    assert "0 new, 0 changed and 0 gone files, 2 in all" in ingested(shop, "--full")[0]
    # Other tables of the project may lie there, too.
    left = [one.name for one in place.parent.iterdir() if one.name.strip(".").split(".")[0] == "t"]
    assert sorted(left) == [".t.json", "t"]


def test_what_a_bucket_refuses_is_one_sentence_and_changes_nothing(
    weed: Weed, shop: Project, tmp_path: Path
) -> None:
    source = weed.source(address="s3://raw/refused")
    place = declare(shop, source)
    one = csv(tmp_path, "a.csv", 1)
    weed.put({"refused/t/a.csv": one, "refused/u/a.bin": one})
    ingested(shop)
    said = refused(shop, BUCKET="wrong")
    assert "does not let this user in: check `user` and `password` in sources.mine" in said
    assert "needs the environment variable BUCKET" in refused(shop, BUCKET="")
    declare(shop, source | {"address": "s3://nowhere/refused"})
    said = refused(shop)
    assert "has no such bucket" in said or "does not let this user in" in said
    declare(shop, source | {"user": ADMIN[0], "address": "s3://nowhere/refused"})
    assert "has no such bucket or container" in refused(shop, BUCKET=ADMIN[1])
    for path, more in (("gone", ""), ("u", "; 1 others are there")):
        declare(shop, source, path)
        assert f"has no object {path} " in (said := refused(shop)) and more in said
    closed = source["options"] | {"endpointurl": "http://127.0.0.1:1"}
    declare(shop, source | {"options": closed})
    assert "cannot be reached (127.0.0.1:1" in refused(shop)
    declare(shop, source | {"options": {"secret_access_key": "x"}})
    assert "does not belong into git" in refused(shop)
    declare(shop, source | {"address": "s3://key:secret@raw/refused"})
    assert "does not belong into the address" in refused(shop)
    declare(shop, source)
    done = mlops(shop, "data", "ingest", "--limit", "3")
    assert (done.returncode, "--limit is for rows" in done.stderr) == (3, True)
    assert rows(place) == [1]


def test_a_client_that_is_killed_leaves_what_was_and_the_next_goes_on(
    weed: Weed, shop: Project, tmp_path: Path
) -> None:
    place = declare(shop, weed.source(address="s3://raw/killed"))
    weed.put({"killed/t/a.csv": csv(tmp_path, "a.csv", 1)})
    ingested(shop)
    large = tmp_path / "b.csv"
    large.write_text("id,note\n" + "".join(f"{n},{'x' * 200}\n" for n in range(2, 300_000)))
    weed.put({"killed/t/a.csv": csv(tmp_path, "a.csv", 7), "killed/t/b.csv": large})
    program = Path(shop.environment()["UV_PROJECT_ENVIRONMENT"]) / "bin/mlops"
    coming = place.with_name("t.landing")
    client = subprocess.Popen(
        [str(program), "data", "ingest"], cwd=shop.path, env=shop.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not (coming / "a.csv").exists() or not list(coming.glob(".coming.*.b.csv")):
        assert client.poll() is None
        time.sleep(0.001)
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    assert rows(place) == [1]
    done = mlops(shop, "data", "ingest")
    assert done.returncode == 0, done.stderr
    assert "goes on behind 1 file of a broken read" in done.stderr
    assert rows(place) == sorted([7, *range(2, 300_000)])
    assert not coming.exists()


def test_a_full_disk_here_is_told_and_what_was_stays(
    weed: Weed, shop: Project, tmp_path: Path
) -> None:
    place = declare(shop, weed.source(address="s3://raw/full"))
    weed.put({"full/t/a.csv": csv(tmp_path, "a.csv", 1)})
    landed = shop.path / "data/restricted/landed"
    with small_disk(landed, 24) as disk:
        ingested(shop)
        big = tmp_path / "b.csv"
        big.write_text("id,note\n" + "".join(f"{n},{'x' * 200}\n" for n in range(60_000)))
        weed.put({"full/t/b.csv": big})
        disk.fill(keep=1 << 20)
        assert "The disk is full: make room" in refused(shop)
        assert rows(place) == [1]
        disk.clear()
        ingested(shop)
        assert len(rows(place)) == 60_001


def test_the_sample_is_written_into_a_bucket_once(weed: Weed, shop: Project) -> None:
    variables = {"AWS_ACCESS_KEY_ID": ADMIN[0], "AWS_SECRET_ACCESS_KEY": ADMIN[1],
                 "AWS_ENDPOINT_URL": weed.server.address}  # fmt: skip
    declare(shop, weed.source(address="s3://raw/seeded"))
    small = "sources:\n  small: {kind: sample, customers: 40, products: 20, order_lines: 300}"
    file = shop.path / "conf/sources.yaml"
    text = file.read_text(encoding="utf-8").replace("sources:", small, 1)
    file.write_text(text, encoding="utf-8")
    done = mlops(shop, "data", "sample", "--into", "s3://raw/seeded", **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith('{kind: bucket, address: "s3://raw/seeded"}')
    done = mlops(shop, "data", "sample", "--into", "s3://raw/seeded", **variables)
    assert (done.returncode, "already, and nothing was written" in done.stderr) == (3, True)
    place = declare(shop, weed.source(address="s3://raw/seeded"), "products.parquet")
    ingested(shop)
    size = {"customers": 40, "products": 20, "order_lines": 300}
    expected = shop_elsewhere.tables(size)["products"]
    assert pl.read_parquet(place / "products.parquet").equals(expected)


def test_a_table_of_a_bucket_is_described_and_brought_as_described(
    weed: Weed, shop: Project, tmp_path: Path
) -> None:
    variables = {"AWS_ACCESS_KEY_ID": ADMIN[0], "AWS_SECRET_ACCESS_KEY": ADMIN[1],
                 "AWS_ENDPOINT_URL": weed.server.address}  # fmt: skip
    file = csv(tmp_path, "a.csv", *range(1, 40))
    weed.put({"lake/Orders/a.csv": file, "lake/Orders/b.csv": csv(tmp_path, "b.csv", 40, 41),
              "lake/one.csv": file})  # fmt: skip
    before = (shop.path / "conf/sources.yaml").read_bytes()
    for address, said in (
        ("s3://raw/lake/none", "has no object none"),
        ("s3://raw", "names no table: write s3://bucket/folder"),
        ("s3://nowhere/lake/one.csv", "has no such bucket or container"),
        ("ftp://raw/one.csv", "has such addresses (there are s3://, gs://, azure://, az://)"),
    ):
        done = mlops(shop, "data", "describe", address, **variables)
        assert done.returncode == 3 and said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    wrong = variables | {"AWS_SECRET_ACCESS_KEY": "wrong"}
    done = mlops(shop, "data", "describe", "s3://raw/lake/one.csv", **wrong)
    assert done.returncode == 3 and "does not let this user in" in done.stderr, done.stderr
    assert (shop.path / "conf/sources.yaml").read_bytes() == before
    for path, count in (("Orders", 41), ("one.csv", 39)):
        done = mlops(shop, "data", "describe", f"s3://raw/lake/{path}", "--write", **variables)
        assert done.returncode == 0, done.stderr
        assert f"{count} rows" in done.stdout
        written = yaml.safe_load((shop.path / "conf/sources.yaml").read_text(encoding="utf-8"))
        (table,) = written["tables"].values()
        assert written["sources"] == {"lake": {"kind": "bucket", "address": "s3://raw/lake"}}
        assert (table["source"], table["path"]) == ("lake", path)
        assert table["columns"]["id"] == {"type": "integer", "unique": True}
        assert "nothing new" in mlops(shop, "data", "ingest", **variables).stdout
    # Who signs in may stand in the address, and the secret where those of databases do.
    address = f"s3://{ADMIN[0]}@raw/lake/one.csv"
    own = {"AWS_ENDPOINT_URL": weed.server.address, "LAKE_PASSWORD": "wrong"}
    done = mlops(shop, "data", "describe", address, "--write", **own)
    assert done.returncode == 3 and "does not let this user in" in done.stderr, done.stderr
    own["LAKE_PASSWORD"] = ADMIN[1]
    done = mlops(shop, "data", "describe", address, "--write", **own)
    assert done.returncode == 0, done.stderr
    assert ADMIN[1] not in done.stdout + done.stderr
    written = yaml.safe_load((shop.path / "conf/sources.yaml").read_text(encoding="utf-8"))
    assert written["sources"]["lake"] == {
        "kind": "bucket", "address": "s3://raw/lake", "user": ADMIN[0],
        "password": {"env": "LAKE_PASSWORD"},
    }  # fmt: skip
    assert "nothing new" in mlops(shop, "data", "ingest", **own).stdout
