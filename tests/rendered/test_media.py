"""docs/media.md, followed to the letter for each kind: from generated files to a decision."""

import json
from pathlib import Path

import polars as pl
import pytest
from documents import blocks, do
from running import Project, new_project
from stages import command, pipeline

KINDS = ("images", "pdf", "audio", "video")
TABLES = {"images": "tiles", "pdf": "letters", "audio": "motors", "video": "parcels"}
COUNTS = {"images": 400, "pdf": 300, "audio": 300, "video": 240}


def followed(folder: Path, kind: str, personal: str) -> Project:
    """Do what the document says, up to the run."""
    project = new_project(folder, {"data_sources": [kind], "personal_data": personal})
    text = (project.path / "docs/media.md").read_text(encoding="utf-8")
    for block in blocks(text):
        if block.language == "sh" and "mlops run" in block.text:
            break
        do(project, block)
    return project


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_to_a_decision(kind: str, tmp_path: Path) -> None:
    project = followed(tmp_path / "p", kind, "pii")
    done = command(project, "data ingest")
    assert f"{COUNTS[kind]} rows from mine" in done.stdout, done.stderr
    pipeline(project)
    decision = json.loads((project.path / "reports/compare/decision.json").read_text())
    primary = decision["primary"]
    print(kind, decision["decision"], decision["candidate"]["value"], primary["lower"])
    assert decision["decision"] == "promote", decision["reasons"]
    assert 0.7 < decision["candidate"]["value"] < 0.999
    features = pl.read_parquet(project.path / "data/open/features.parquet")
    assert len(features) == COUNTS[kind]
