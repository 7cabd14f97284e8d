"""The gate: something personal closes it, what cannot be read closes it, clean files do not."""

import subprocess

import polars as pl
import pytest
from mlops_kit.privacy.gate.check import check
from mlops_kit.privacy.gate.hook import main as hook
from mlops_kit.privacy.gate.logs import redacted

# In two parts, so that this file passes its own gate.
MAIL = "jane.roe" + "@corp.com"


@pytest.fixture
def repository(club):
    """Return a project in git that is clean."""
    subprocess.run(["git", "init", "--quiet"], check=True)
    (club / "conf/privacy.yaml").unlink(missing_ok=True)
    return club


def test_an_address_closes_the_gate_and_no_report_repeats_it(repository):
    assert check().findings == []
    (repository / "data/open").mkdir(parents=True)
    pl.DataFrame({"note": ["x"] * 99 + [MAIL]}).write_parquet(repository / "data/open/t.parquet")
    (finding,) = check().findings
    assert (finding.entity, finding.position) == ("email", 100)
    reports = list((repository / "reports/privacy").iterdir())
    assert len(reports) == 3
    assert not any("roe" in report.read_text(encoding="utf-8") for report in reports)


def test_what_cannot_be_read_closes_the_gate(repository):
    (repository / "models").mkdir()
    (repository / "models/model.parquet").write_bytes(b"PAR1 cut off")
    assert [finding.entity for finding in check().findings] == ["unreadable"]


def test_the_hook_reads_what_is_staged(repository, capsys):
    (repository / "notes.md").write_text(f"ask {MAIL}\n", encoding="utf-8")
    assert hook() == 0
    subprocess.run(["git", "add", "notes.md"], check=True)
    assert hook() == 1
    assert "roe" not in capsys.readouterr().err


def test_a_log_line_loses_what_is_personal():
    assert redacted(f"row 7 of {MAIL} failed") == "row 7 of [EMAIL] failed"
