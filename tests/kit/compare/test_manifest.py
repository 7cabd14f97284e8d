"""`mlops data manifest`: what the page and the terminal say is what is in the folder."""

from pathlib import Path

import databases
import pictures
import pytest
import typer
from axe import serious
from mlops_kit.cli import add_rooms
from mlops_kit.compare.manifest.page import looked_at, said, write
from mlops_kit.core.errors import MlopsError
from typer.testing import CliRunner

ADDRESS = Path("data/restricted/raw/scans")


@pytest.fixture
def landed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Land a folder of odd pictures; return how each is to be found."""
    monkeypatch.chdir(tmp_path)
    ADDRESS.mkdir(parents=True)
    expected = pictures.odd_folder(ADDRESS)
    databases.written(
        tmp_path,
        monkeypatch,
        {"kind": "images", "address": ADDRESS.as_posix()},
        {"scans": {"path": ".", "columns": {"path": {"type": "string"}}}},
    )
    databases.landed()
    return expected


def test_the_manifest_is_counted_and_shown(landed: dict[str, str]) -> None:
    found = looked_at()
    (table,) = found["tables"]
    bad = {name: how for name, how in landed.items() if how not in ("", "ok")}
    assert table["files"] == len(landed) - 1 and table["others"] == 1
    assert {row[0]: row[3] for row in table["unusable"]} == bad
    assert table["sizes"] == [("40 \N{MULTIPLICATION SIGN} 30", 5)] and table["gps"] == 1
    lines = "\n".join(said(found))
    assert "scans      12 files" in lines and "7 cannot be used" in lines
    page = write(found)
    # Names of files may say whose they are: the page lies where raw values do.
    assert page == Path("data/restricted/manifest.html")
    text = page.read_text(encoding="utf-8")
    assert "7 files cannot be used" in text and "<script" not in text and "http:" not in text
    for name in bad:
        assert name in text
    assert pictures.AUTHOR not in text


def test_the_command_says_with_its_exit_code_whether_each_can_be_used(
    landed: dict[str, str],
) -> None:
    app = typer.Typer()
    add_rooms(app)
    run = CliRunner().invoke(app, ["data", "manifest"])
    assert run.exit_code == 1, run.output
    for name, how in landed.items():
        if how not in ("", "ok"):
            (ADDRESS / name).unlink()
    databases.landed(full=True)
    assert CliRunner().invoke(app, ["data", "manifest"]).exit_code == 0


def test_without_a_manifest_a_sentence_says_what_writes_it(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MlopsError, match="mlops data ingest"):
        looked_at()


@pytest.mark.debian("chromium", "chromium")
def test_the_page_has_no_serious_finding_of_axe_core(landed: dict[str, str]) -> None:
    page = write(looked_at())
    for scheme in ("light", "dark"):
        for width in (390, 1280):
            assert serious(page, width, scheme) == []
