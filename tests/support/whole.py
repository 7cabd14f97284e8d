"""Results of a pipeline that are read to their end, as their readers do: whole, or not there."""

import json
import time
import zipfile
from pathlib import Path

import polars as pl
from running import Project

RESULTS = ("data/open", "models", "reports")


def results(project: Project) -> list[Path]:
    """Return every file that a reader may take for a result: all but hidden ones."""
    found = [path for name in RESULTS for path in (project.path / name).rglob("*")]
    return [path for path in found if path.is_file() and not path.name.startswith(".")]


def check_whole(file: Path) -> None:
    """Read a result to its end, as its readers do; raise when it is cut or empty."""
    match file.suffix:
        case ".parquet":
            assert pl.read_parquet(file).height > 0, file
        case ".json":
            assert json.loads(file.read_text(encoding="utf-8")), file
        case ".skops":
            with zipfile.ZipFile(file) as archive:
                assert archive.testzip() is None, file
                assert json.loads(archive.read("schema.json")), file
        case ".html":
            assert file.read_text(encoding="utf-8").rstrip().endswith("</html>"), file
        case ".md":
            text = file.read_text(encoding="utf-8")
            assert text.startswith("## "), file
            assert text.endswith("\n"), file
        case other:
            raise AssertionError(f"{file.name} is no result anybody reads ({other})")


def check_soon(file: Path) -> None:
    """Read a result whole; DVC takes one away for a moment, to put its cache's copy there."""
    until = time.monotonic() + 5
    while True:
        try:
            return check_whole(file)
        except FileNotFoundError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
