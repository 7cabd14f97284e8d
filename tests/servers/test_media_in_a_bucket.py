"""Pictures in a bucket give what they give in a folder, are brought once; a fault is a sentence.

Real: SeaweedFS.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pictures
import polars as pl
import pytest
import storage_servers as servers
import yaml
from documents import followed
from running import Project, new_project
from small_disk import small_disk

READER, ADMIN = ("readkey", "readsecret"), ("adminkey", "adminsecret")
KEYS = {"reader": (*READER, ["raw"]), "admin": (*ADMIN, [])}
COPIES = "data/restricted/landed/dev/mine/tiles.files"
SNAPSHOT = "data/restricted/landed/dev/mine/tiles.parquet"
MANIFEST = "data/restricted/manifest.parquet"


@pytest.fixture(scope="module")
def weed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Raw]:
    with servers.seaweedfs(tmp_path_factory.mktemp("weed") / "data", KEYS) as server:
        servers.make_buckets(server, *ADMIN, "raw")
        yield servers.Raw(server, *ADMIN)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Say that nothing is known of any picture."""
    file = tmp_path / "labels.csv"
    file.write_text("path,cracked\n", encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Follow docs/media.md up to the first command about its files."""
    folder = tmp_path_factory.mktemp("media")
    made = new_project(folder / "shop", {"data_sources": ["images", "bucket"]})
    own = {"UV_PROJECT_ENVIRONMENT": str(folder / "venv"), "BUCKET": READER[1]}
    project = Project(made.path, own)
    project.run("uv", "sync", "--quiet")
    return followed(project, "docs/media.md")


def mlops(project: Project, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = Path(project.environment()["UV_PROJECT_ENVIRONMENT"]) / "bin/mlops"
    return Project(project.path, {**project.extra, **variables}).run(
        str(program), *words, check=False
    )


def ingested(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    done = mlops(project, "data", "ingest", *words)
    assert done.returncode == 0, done.stderr
    return done


def refused(project: Project, **variables: str) -> str:
    before = left(project)
    done = mlops(project, "data", "ingest", **variables)
    assert done.returncode == 3, done.stdout + done.stderr
    assert READER[1] not in done.stderr
    assert "Traceback" not in done.stderr
    assert left(project) == before, "something of a refused read is kept"
    return done.stderr.strip().splitlines()[-1]


def left(project: Project) -> tuple[bytes, ...]:
    """Return what a refused read must leave: the snapshot and both manifests."""
    files = (SNAPSHOT, MANIFEST, "reports/data/manifest.parquet")
    return tuple((project.path / one).read_bytes() for one in files)


def declared(project: Project, weed: servers.Raw, **more: Any) -> None:
    """Let the project read the bucket, as the document says, with these settings."""
    more = {"tags": "labels.csv"} | more
    file = project.path / "conf/sources.yaml"
    head, _, rest = file.read_text(encoding="utf-8").partition("sources:\n")
    source = {"kind": "images", "width": 16, "height": 16, "user": READER[0], **more}
    source |= {"password": {"env": "BUCKET"}, "options": weed.options} | more
    source = {key: value for key, value in source.items() if value is not None}
    tables = rest[rest.index("\ntables:") :]
    file.write_text(f"{head}sources:\n  mine: {json.dumps(source)}\n{tables}", encoding="utf-8")


def features(project: Project) -> pl.DataFrame:
    """Run the pipeline up to the features, and read them."""
    programs = Path(project.environment()["UV_PROJECT_ENVIRONMENT"]) / "bin"
    project.run(str(programs / "mlops"), "run")
    return pl.read_parquet(project.path / "data/open/features.parquet")


def copies(project: Project) -> set[str]:
    return {one.name for one in (project.path / COPIES).glob("*")}


@pytest.mark.repetition
def test_pictures_of_a_bucket_give_the_manifest_and_features_of_the_folder(
    weed: servers.Raw, shop: Project
) -> None:
    raw = shop.path / "data/restricted/raw/tiles"
    (raw / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    (raw / "notes.txt").write_text("not a picture", encoding="utf-8")
    ingested(shop)
    expected, of_folder = features(shop), pl.read_parquet(shop.path / MANIFEST)
    assert len(expected) == 400
    weed.put({f"tiles/{one.name}": one for one in raw.iterdir()})
    shutil.rmtree(raw)
    (shop.path / SNAPSHOT).unlink()
    declared(shop, weed, address="s3://raw/tiles")
    done = ingested(shop)
    assert "401 rows from mine" in done.stdout
    made, of_bucket = features(shop), pl.read_parquet(shop.path / MANIFEST)
    assert made.equals(expected)
    assert of_bucket.drop("modified").equals(of_folder.drop("modified"))
    assert of_bucket["modified"].null_count() == 0
    assert len(copies(shop)) == 403
    outside = [shop.path / place for place in ("data/open", "reports", "models")]
    stored = [one.read_bytes() for place in outside for one in place.rglob("*") if one.is_file()]
    assert not any(b"the maker of it" in one or b"tile-000.jpg" in one for one in stored)
    assert mlops(shop, "privacy", "check").returncode == 0
    tested = mlops(shop, "sources", "test")
    assert "connection: The bucket of source" in tested.stdout, tested.stdout
    packed = mlops(shop, "data", "pack", "tiles", "--reason", "nobody is on them, says the council")
    assert "400 files" in packed.stdout, packed.stderr
    who = "data/restricted/landed/dev/mine/tiles.parquet"
    paths = set(pl.read_parquet(shop.path / who)["path"])
    erased = mlops(shop, "privacy", "erase", "--subject", made["id"][7])
    assert "s3://raw/tiles was not changed: remove the person's files" in erased.stdout
    (gone,) = paths - set(pl.read_parquet(shop.path / who)["path"])
    assert copies(shop) == set()
    assert "nothing new" in ingested(shop).stdout
    ingested(shop, "--full")  # from a bucket that still has it
    assert gone not in set(pl.read_parquet(shop.path / who)["path"])


def test_only_what_is_new_is_brought_and_what_is_gone_goes(
    weed: servers.Raw, shop: Project, tmp_path: Path
) -> None:
    declared(shop, weed, address="s3://raw/new", tags=None)
    one = pictures.encoded(pictures.striped((8, 8), True, 1))
    for name in "abc":
        (tmp_path / name).write_bytes(one)
    (tmp_path / "json").write_text('{"cracked": 1}', encoding="utf-8")
    names = {f"new/{name}.jpg": tmp_path / name for name in "ab"}
    deep = "new/ñandú 'x' #1%20/" + "d" * 240 + ".jpg"
    weed.put(names | {deep: tmp_path / "c", "new/a.jpg.json": tmp_path / "json"})
    ingested(shop)
    was = copies(shop)
    rows = pl.read_parquet(shop.path / SNAPSHOT)
    assert dict(rows.select("path", "cracked").iter_rows()) == {
        "a.jpg": "1", "b.jpg": None, deep.removeprefix("new/"): None,
    }  # fmt: skip
    assert set(rows["state"]) == {"ok"}
    assert "brings" not in ingested(shop).stderr
    (tmp_path / "b").write_bytes(pictures.encoded(pictures.striped((9, 9), True, 2)))
    weed.put({"new/b.jpg": tmp_path / "b", "new/a.jpg": None, "new/d.jpg": tmp_path / "c"})
    weed.put({"new/d.jpg.json": tmp_path / "json"})
    done = ingested(shop)
    assert "brings 3 objects" in done.stderr
    # Those of the last second that was known are looked at again.
    assert re.search(r"1 new and [123] changed rows, 4 in all", done.stdout), done.stdout
    assert len(copies(shop) & was) == 2 and len(copies(shop)) == 5  # a's is gone
    assert pl.read_parquet(shop.path / MANIFEST).filter(path="a.jpg")["state"][0][:4] == "gone"
    ingested(shop, "--full")
    assert sorted(pl.read_parquet(shop.path / SNAPSHOT)["path"])[:2] == ["b.jpg", "d.jpg"]


def test_what_is_too_large_is_named_and_not_brought(
    weed: servers.Raw, shop: Project, tmp_path: Path, labels: Path
) -> None:
    declared(shop, weed, address="s3://raw/large", most_megabytes=1)
    (tmp_path / "large").write_bytes(bytes(1_000_001))
    (tmp_path / "small").write_bytes(pictures.encoded(pictures.striped((8, 8), True, 1)))
    names = {"a.jpg": "large", "b.zip": "large", "c.jpg": "small", "labels.csv": "labels.csv"}
    weed.put({f"large/{name}": tmp_path / file for name, file in names.items()})
    done = ingested(shop)
    assert [line for line in done.stderr.splitlines() if "brings" in line] == [
        f'data      table "tiles": brings 1 object, {size:,} bytes'
        for size in (labels.stat().st_size, (tmp_path / "small").stat().st_size)
    ]
    found = pl.read_parquet(shop.path / MANIFEST).select("path", "kind", "state", "sha256")
    larger = "larger than most_megabytes (1)"
    assert found.rows()[:2] == [("a.jpg", "image", larger, None), ("b.zip", None, larger, None)]
    assert "not read: b.zip" in done.stderr


def test_what_a_bucket_refuses_is_one_sentence_and_changes_nothing(
    weed: servers.Raw, shop: Project, tmp_path: Path, labels: Path
) -> None:
    (tmp_path / "a").write_bytes(pictures.encoded(pictures.striped((8, 8), True, 1)))
    weed.put({"refused/a.jpg": tmp_path / "a", "refused/labels.csv": labels})
    declared(shop, weed, address="s3://raw/refused")
    ingested(shop)
    assert "does not let this user in: check `user` and" in refused(shop, BUCKET="wrong")
    assert "needs the environment variable BUCKET" in refused(shop, BUCKET="")
    declared(shop, weed, address="s3://nowhere/refused", user=ADMIN[0])
    assert "has no such bucket or container" in refused(shop, BUCKET=ADMIN[1])
    tested = mlops(shop, "sources", "test", BUCKET=ADMIN[1])
    assert tested.returncode == 1 and "has no such bucket" in tested.stdout, tested.stdout
    declared(shop, weed, address="s3://raw/none")
    assert "There is no object below s3://raw/none, and tiles of mine" in refused(shop)
    closed = weed.options | {"endpointurl": "http://127.0.0.1:1"}
    declared(shop, weed, address="s3://raw/refused", options=closed)
    assert "cannot be reached (127.0.0.1:1" in refused(shop)
    declared(shop, weed, address="s3://key:secret@raw/refused")
    assert "does not belong into the address" in refused(shop)
    declared(shop, weed, address="data/restricted/raw/tiles")
    assert "user is for a bucket, and the address is a folder" in refused(shop)
    declared(shop, weed, address="s3://raw/refused", tags="none.csv")
    assert "no such file is there" in refused(shop)


def test_a_client_that_is_killed_leaves_what_was_and_the_next_goes_on(
    weed: servers.Raw, shop: Project, tmp_path: Path, labels: Path
) -> None:
    declared(shop, weed, address="s3://raw/killed")
    (tmp_path / "first").write_bytes(pictures.encoded(pictures.striped((8, 8), True, 1)))
    weed.put({"killed/000.jpg": tmp_path / "first", "killed/labels.csv": labels})
    ingested(shop)
    before = left(shop)
    files = {}
    for number in range(1, 200):
        one = tmp_path / f"{number:03}.jpg"
        one.write_bytes(pictures.encoded(pictures.striped((4, 4), True, number)) + bytes(500_000))
        files[f"killed/{one.name}"] = one
    weed.put(files)
    program = Path(shop.environment()["UV_PROJECT_ENVIRONMENT"]) / "bin/mlops"
    client = subprocess.Popen(
        [str(program), "data", "ingest"], cwd=shop.path, env=shop.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while len(copies(shop)) < 30:
        assert client.poll() is None
        time.sleep(0.001)
    os.kill(client.pid, signal.SIGKILL)
    client.wait()
    assert left(shop) == before
    whole = {one for one in copies(shop) if not one.startswith(".")}
    assert 10 < len(whole) < 201
    done = ingested(shop)
    assert f"brings {201 - len(whole)} objects" in done.stderr
    assert pl.read_parquet(shop.path / SNAPSHOT)["path"].to_list() == [
        f"{number:03}.jpg" for number in range(200)
    ]
    assert len(copies(shop)) == 201 and not any(one.startswith(".") for one in copies(shop))


def test_a_full_disk_here_is_told_and_what_was_stays(
    weed: servers.Raw, shop: Project, tmp_path: Path, labels: Path
) -> None:
    declared(shop, weed, address="s3://raw/full")
    (tmp_path / "a").write_bytes(pictures.encoded(pictures.striped((8, 8), True, 1)))
    (tmp_path / "b").write_bytes((tmp_path / "a").read_bytes() + bytes(3_000_000))
    weed.put({"full/a.jpg": tmp_path / "a", "full/labels.csv": labels})
    shutil.rmtree(shop.path / COPIES)
    (shop.path / COPIES).mkdir()
    with small_disk(shop.path / COPIES, 24) as disk:
        ingested(shop)
        weed.put({"full/b.jpg": tmp_path / "b"})
        disk.fill(keep=1 << 20)
        assert "The disk is full: make room" in refused(shop)
        disk.clear()
        ingested(shop)


def test_a_folder_of_a_bucket_is_described_as_pictures(
    weed: servers.Raw, shop: Project, tmp_path: Path
) -> None:
    for at in range(3):
        (tmp_path / f"{at}.jpg").write_bytes(pictures.encoded(pictures.striped((8, 8), True, at)))
    (tmp_path / "labels.csv").write_text("path,cracked\n0.jpg,1\n1.jpg,0\n", encoding="utf-8")
    weed.put({f"described/{one.name}": one for one in tmp_path.iterdir() if one.is_file()})
    signed = {"AWS_ACCESS_KEY_ID": READER[0], "AWS_SECRET_ACCESS_KEY": READER[1],
              "AWS_ENDPOINT_URL": weed.server.address}  # fmt: skip
    words = ("data", "describe", "s3://raw/described", "--write", "--undecided", "drop")
    done = mlops(shop, *words, **signed)
    assert done.returncode == 0, done.stdout + done.stderr
    written = yaml.safe_load((shop.path / "conf/sources.yaml").read_text(encoding="utf-8"))
    assert written["sources"]["mine"] == {
        "kind": "images", "address": "s3://raw/described", "tags": "labels.csv",
    }  # fmt: skip
    columns = written["tables"]["described"]["columns"]
    assert columns["cracked"]["type"] == "integer" and columns["pixels"]["type"] == "integers"
    assert mlops(shop, "data", "ingest", **signed).returncode == 0
    done = mlops(shop, *words, **signed | {"AWS_SECRET_ACCESS_KEY": "wrong"})
    assert done.returncode == 3 and "does not let this user in" in done.stderr, done.stderr
