"""docs/media.md, followed to the letter for each kind: from generated files to a decision."""

import json
from pathlib import Path

import duckdb
import polars as pl
import pytest
from documents import followed
from running import Project, first_and_repetitions, new_project
from stages import command, pipeline, registered

KINDS = ("images", "pdf", "audio", "video")
TABLES = {"images": "tiles", "pdf": "letters", "audio": "motors", "video": "parcels"}
ENDINGS = {"images": "jpg", "pdf": "pdf", "audio": "wav", "video": "mp4"}
COUNTS = {"images": 400, "pdf": 300, "audio": 300, "video": 240}


def prepared(folder: Path, kind: str, personal: str) -> Project:
    """Do what the document says, up to the run."""
    project = new_project(folder, {"data_sources": [kind], "personal_data": personal})
    return followed(project, "docs/media.md")


def stored(project: Project) -> dict[str, bytes]:
    """Return what lies outside of the restricted zone, tables decoded by DuckDB, by file."""
    found = {}
    for place in ("data/open", "reports", "models"):
        for file in sorted((project.path / place).rglob("*")):
            if file.suffix == ".parquet":
                rows = duckdb.connect().execute(f"SELECT * FROM '{file}'").fetchall()
                found[file.relative_to(project.path).as_posix()] = repr(rows).encode()
            elif file.is_file():
                found[file.relative_to(project.path).as_posix()] = file.read_bytes()
    return found


@pytest.mark.parametrize("kind", first_and_repetitions(*KINDS))
def test_files_come_to_a_decision_and_nothing_that_they_say_of_people_leaves(
    kind: str, tmp_path: Path
) -> None:
    project = prepared(tmp_path / "p", kind, "pii")
    planted = [b"the maker of it", b"34.603", b"34, 36, 12"]
    raw = next((project.path / "data/restricted/raw").rglob(f"*-000.{ENDINGS[kind]}"))
    if kind != "audio":  # a WAV has no tags here
        assert b"the maker of it" in raw.read_bytes()
    done = command(project, "data ingest")
    assert f"{COUNTS[kind]} rows from mine" in done.stdout, done.stderr
    pipeline(project)
    decision = json.loads((project.path / "reports/compare/decision.json").read_text())
    assert decision["decision"] == "promote", decision["reasons"]
    assert 0.7 < decision["candidate"]["value"] < 0.999
    features = pl.read_parquet(project.path / "data/open/features.parquet")
    assert len(features) == COUNTS[kind]
    if kind in ("images", "audio"):
        words = ["data", "pack", TABLES[kind], "--reason", "nobody is on them, says the council"]
        done = command(project, words)
        assert f"{COUNTS[kind]} files" in done.stdout, done.stderr
    found = stored(project)
    assert len(found) > 10
    names = [*planted, raw.name.encode()]  # the name of a file is an id, which is a token outside
    assert [file for file, one in found.items() if any(name in one for name in names)] == []
    checked = command(project, "privacy check")
    assert checked.returncode == 0, checked.stdout
    done = command(project, "data manifest")
    assert done.returncode == 0 and f"{COUNTS[kind]} files" in done.stdout, done.stderr
    done = command(project, "data profile")
    assert done.returncode == 0, done.stderr


def test_a_new_file_is_prepared_and_predicted_like_those_of_training(tmp_path: Path) -> None:
    project = prepared(tmp_path / "p", "images", "none")
    command(project, "data ingest")
    pipeline(project)
    registered(project)
    raw = project.path / "data/raw/tiles"
    old = "tile-007.jpg"
    (raw / "new.jpg").write_bytes((raw / old).read_bytes())  # no line in labels.csv
    done = command(project, "data ingest")
    assert "1 new" in done.stdout, done.stdout + done.stderr
    pipeline_of_data = "data ingest --tables data/open/tables --quarantine data/quarantine"
    assert command(project, pipeline_of_data).returncode == 0
    tiles = pl.read_parquet(project.path / "data/open/tables/tiles.parquet")
    pixels = dict(tiles.select("path", "pixels").iter_rows())
    assert pixels["new.jpg"] == pixels[old] and len(tiles) == COUNTS["images"] + 1
    (project.path / "asked.csv").write_text(f"id\nnew.jpg\n{old}\n")
    done = command(project, "predict --input asked.csv")
    assert done.returncode == 0, done.stderr
    scored = pl.read_parquet(project.path / "data/open/scored/asked.parquet")
    assert scored["id"].to_list() == ["new.jpg", old]
    assert scored["score"][0] == scored["score"][1]
