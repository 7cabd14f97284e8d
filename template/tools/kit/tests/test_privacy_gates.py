"""The bad case of each gate of privacy: a person's data does not get out."""

import datetime
import logging
import subprocess
from pathlib import Path

import polars as pl
import pytest

from mlops_kit.core import team
from mlops_kit.core.errors import BAD_INPUT, MlopsError
from mlops_kit.data.config import load_sources
from mlops_kit.privacy.gate import check, hook
from mlops_kit.privacy.gate.logs import RedactingFilter
from mlops_kit.privacy.policy.load import load_privacy
from mlops_kit.privacy.protect.outgoing import Opening
from mlops_kit.privacy.protect.stage import protect_tables

ROOT = team.project_folder() or Path(__file__).parents[3]
MAIL = "@".join(("ana.perez", "mail.net"))  # In one piece, this file would close the gate.
TODAY = datetime.date(2026, 1, 1)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """An empty git repository as the cwd."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return tmp_path


@pytest.fixture
def policy(monkeypatch):
    """This project's conf/privacy.yaml, its folder as the cwd."""
    monkeypatch.delenv("MLOPS_ENV", raising=False)
    monkeypatch.chdir(ROOT)
    return load_privacy(load_sources())


def test_an_e_mail_in_a_file_or_in_the_open_zone_closes_the_gate(repository):
    (repository / "notes.md").write_text(f"Ask {MAIL}.\n", encoding="utf-8")
    table = repository / "data/open/tables/customers.parquet"
    table.parent.mkdir(parents=True)
    pl.DataFrame({"id": range(500), "note": ["-"] * 499 + [MAIL]}).write_parquet(table)
    places = [finding.place for finding in check.check().findings]
    assert [place.split(":")[0] for place in places] == [
        "data/open/tables/customers.parquet",
        "notes.md",
    ]
    report = (repository / "reports/privacy/check.json").read_text(encoding="utf-8")
    assert MAIL not in report


def test_the_hook_refuses_a_commit_with_an_e_mail(repository, capsys):
    (repository / "notes.md").write_text(f"Ask {MAIL}.\n", encoding="utf-8")
    subprocess.run(["git", "add", "notes.md"], check=True)
    assert hook.main() == hook.FOUND
    said = capsys.readouterr().err
    assert "notes.md" in said
    assert MAIL not in said
    (repository / "notes.md").write_text("Ask the team.\n", encoding="utf-8")
    subprocess.run(["git", "add", "notes.md"], check=True)
    assert hook.main() == hook.CLEAN


def test_an_e_mail_in_one_value_of_a_column_that_passes_closes_the_protect_stage(policy):
    opening = Opening(policy, TODAY)
    values = pl.Series("note", ["-"] * 9_999 + [MAIL])
    opening.search("invented", "note", values, 0, len(values))
    assert opening.closed().startswith("invented.note looks like e-mail address (email) in 1 ")
    assert MAIL not in opening.closed()


def test_a_text_column_that_the_policy_does_not_name_stays_behind_or_stops_the_stage(
    policy, tmp_path
):
    sources = load_sources()
    name, table = next(iter(sources.tables.items()))
    text = next(iter(table.columns.values())).model_copy(update={"type": "string"})
    table = table.model_copy(update={"columns": {**table.columns, "said": text}})
    sources = sources.model_copy(update={"tables": {**sources.tables, name: table}})
    defaults = policy.defaults.model_copy(update={"unknown_string_column": "fail"})
    silent = policy.model_copy(update={"columns": {}, "defaults": defaults})
    with pytest.raises(MlopsError, match="says nothing about") as refused:
        protect_tables(tmp_path, sources, silent, b"key", TODAY)
    assert refused.value.exit_code == BAD_INPUT
    assert not list(tmp_path.iterdir())


def test_a_log_keeps_no_e_mail(caplog):
    logger = logging.getLogger("gates")
    caplog.handler.addFilter(RedactingFilter())
    logger.warning("no answer from %s", MAIL)
    assert MAIL not in caplog.text
    assert "no answer from" in caplog.text
