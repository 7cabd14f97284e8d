"""Files of Azure and Google buckets come to the pipeline's data stage, pictures too.

Emulators: Azurite, and fake-gcs-server, which asks nobody for credentials.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pictures
import polars as pl
import pytest
import storage_servers as servers
import yaml
from listening import free_ports
from running import Project, new_project

LANDED = "data/restricted/landed/dev"
CSV = {"id": {"type": "integer"}, "note": {"type": "string"}}
SCANS = {
    name: {"type": kind, "nullable": True}
    for name, kind in {
        "path": "string", "modified": "timestamptz", "state": "string", "label": "string",
        "pixels": "integers",
    }.items()
}  # fmt: skip
PUT_BLOBS = """
import os, sys
from azure.storage.blob import BlobServiceClient
service = BlobServiceClient.from_connection_string(os.environ["AZURE"])
container = service.get_container_client("raw")
if not container.exists():
    container.create_container()
for file, name in zip(sys.argv[1::2], sys.argv[2::2]):
    container.upload_blob(name, open(file, "rb"), overwrite=True)
"""
Put = Callable[[dict[str, Path]], None]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("emulated")
    answers = {"data_sources": ["bucket", "images"], "personal_data": "none"}
    made = new_project(folder / "shop", answers)
    project = Project(made.path, {"UV_PROJECT_ENVIRONMENT": str(folder / "venv")})
    project.run("uv", "sync", "--quiet", "--group", "gs", "--group", "azure")
    return project


@pytest.fixture(scope="module")
def azurite(
    tmp_path_factory: pytest.TempPathFactory, shop: Project
) -> Iterator[tuple[servers.Server, Put]]:
    with servers.azurite(tmp_path_factory.mktemp("azurite") / "data") as server:

        def put(files: dict[str, Path]) -> None:
            pairs = [text for name, file in files.items() for text in (str(file), name)]
            signed = {"AZURE": servers.connection_string(server.port)}
            python = str(Path(shop.environment()["UV_PROJECT_ENVIRONMENT"]) / "bin/python")
            Project(shop.path, {**shop.extra, **signed}).run(python, "-c", PUT_BLOBS, *pairs)

        yield server, put


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[servers.Server, Put]]:
    with servers.fake_gcs(tmp_path_factory.mktemp("gcs") / "data") as server:

        def posted(path: str, content: bytes, kind: str) -> None:
            request = Request(f"{server.address}{path}", content, {"Content-Type": kind})  # noqa: S310
            with urlopen(request) as answered:  # noqa: S310
                assert answered.status == 200

        def put(files: dict[str, Path]) -> None:
            for name, file in files.items():
                to = f"/upload/storage/v1/b/raw/o?uploadType=media&name={quote(name, safe='')}"
                posted(to, file.read_bytes(), "application/octet-stream")

        bucket = json.dumps({"name": "raw"}).encode()
        posted("/storage/v1/b?project=shop", bucket, "application/json")
        yield server, put


def mlops(project: Project, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    program = Path(project.environment()["UV_PROJECT_ENVIRONMENT"]) / "bin/mlops"
    return Project(project.path, {**project.extra, **variables}).run(
        str(program), *words, check=False
    )


def declare(project: Project, address: str, **signed: Any) -> None:
    """Let the project read a folder of csv and one of pictures."""
    of_tables = {"kind": "bucket", "address": address, **signed}
    of_files = {"kind": "images", "address": f"{address}/scans", "width": 4, "height": 4, **signed}
    sources = {
        "entity": {"table": "t", "column": "id"},
        "sources": {"lake": of_tables, "scans": of_files},
        "tables": {
            "t": {"source": "lake", "path": "t", "columns": CSV},
            "scans": {"source": "scans", "path": ".", "columns": SCANS},
        },
    }
    text = yaml.safe_dump(sources, sort_keys=False)
    (project.path / "conf/sources.yaml").write_text(text, encoding="utf-8")


def refused(project: Project, **variables: str) -> str:
    done = mlops(project, "data", "ingest", **variables)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def goes_through(project: Project, put: Put, folder: Path, **variables: str) -> None:
    """Bring csv and pictures, run the data stage, and see that all of it came and only once."""
    (folder / "a.csv").write_text("id,note\n1,ñandú\n2,x\n", encoding="utf-8")
    (folder / "b.csv").write_text("id,note\n3,y\n", encoding="utf-8")
    (folder / "p.png").write_bytes(
        pictures.encoded(pictures.striped((4, 4), True, 1), format="PNG")
    )
    (folder / "p.json").write_text('{"label": "oak"}', encoding="utf-8")
    names = {"t/a.csv": "a.csv", "t/b.csv": "b.csv", "scans/deep/p.png": "p.png"}
    names["scans/deep/p.json"] = "p.json"
    put({f"shop/{name}": folder / file for name, file in names.items()})
    done = mlops(project, "data", "ingest", **variables)
    assert done.returncode == 0, done.stderr
    assert "t: 2 new, 0 changed and 0 gone files, 2 in all, from lake" in done.stdout
    stage = "data ingest --tables data/open/tables --quarantine data/quarantine"
    done = mlops(project, *stage.split())
    assert done.returncode == 0, done.stderr
    table = pl.read_parquet(project.path / "data/open/tables/t.parquet")
    assert sorted(table.rows()) == [(1, "ñandú"), (2, "x"), (3, "y")]
    (row,) = pl.read_parquet(project.path / "data/open/tables/scans.parquet").to_dicts()
    assert (row["path"], row["state"], row["label"]) == ("deep/p.png", "ok", "oak")
    assert row["modified"].year >= 2020 and len(row["pixels"]) == 16
    (folder / "b.csv").write_text("id,note\n4,z\n", encoding="utf-8")
    put({"shop/t/b.csv": folder / "b.csv"})
    done = mlops(project, "data", "ingest", **variables)
    assert "t: 0 new, 1 changed and 0 gone files, 2 in all, from lake" in done.stdout, done.stderr
    assert "brings" not in done.stderr  # the picture is here
    assert "nothing new" in mlops(project, "data", "ingest", **variables).stdout
    tested = mlops(project, "sources", "test", **variables)
    assert tested.stdout.count("answers") == 2, tested.stdout + tested.stderr


def test_azure_s_emulator(
    shop: Project, azurite: tuple[servers.Server, Put], tmp_path: Path
) -> None:
    server, put = azurite
    signed = {"password": {"env": "LAKE"}}
    right = servers.connection_string(server.port)
    declare(shop, "az://raw/shop", **signed)
    goes_through(shop, put, tmp_path, LAKE=right)
    before = (shop.path / LANDED / "lake/t/b.csv").read_bytes()
    wrong = servers.connection_string(server.port, key="QUJD")
    assert "does not let this user in: check `user` and `password`" in refused(shop, LAKE=wrong)
    assert "needs the environment variable LAKE" in refused(shop)
    (port,) = free_ports(1)
    assert "cannot be reached" in refused(shop, LAKE=servers.connection_string(port))
    declare(shop, "azure://nowhere/shop", **signed)
    assert "has no such bucket or container" in refused(shop, LAKE=right)
    assert (shop.path / LANDED / "lake/t/b.csv").read_bytes() == before


def test_google_s_emulator(
    shop: Project, google: tuple[servers.Server, Put], tmp_path: Path
) -> None:
    server, put = google
    options = {"endpointurl": server.address, "allow_anonymous_login": True}
    declare(shop, "gs://raw/shop", options=options)
    goes_through(shop, put, tmp_path)
    before = (shop.path / LANDED / "lake/t/b.csv").read_bytes()
    declare(shop, "gs://nowhere/shop", options=options)
    assert "has no such bucket or container" in refused(shop)
    assert (shop.path / LANDED / "lake/t/b.csv").read_bytes() == before
