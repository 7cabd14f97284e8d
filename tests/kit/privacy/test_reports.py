"""What the gate writes and says: counts and places, never a value; logs and errors as well."""

import datetime
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
from mlops_kit.privacy.gate import accepted as baseline
from mlops_kit.privacy.gate import check, hook, report
from mlops_kit.privacy.gate import logs as log_filter
from rendering import SHOP, git, profile, render
from running import first_and_repetitions

# One value of each kind that must be repeated nowhere.
VALUES = {
    "email": "Ana.Perez@corp.com",
    "phone": "+54 9 11 4321-8765",
    "ar_cuit": "20-12345678-6",
    "iban": "ES91 2100 0418 4502 0005 1332",
    "card": "4539 1488 0343 6467",
    "us_ssn": "536-22-8731",
    "ar_dni": "DNI 30.123.456",
    "name": "Paciente: Juan P\u00e9rez",
    "birth_date": "fecha de nacimiento: 12/03/1978",
}
HEAVY = ("polars", "pandas", "numpy", "pyarrow", "pydantic", "yaml", "duckdb", "sklearn", "typer")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty git repository."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", cwd=tmp_path)
    return tmp_path


def assert_no_value_in(text: str) -> None:
    lowered = text.lower()
    for value in VALUES.values():
        for part in (value.lower(), value.lower().split(": ")[-1], value.split(" ", 1)[-1].lower()):
            assert part not in lowered


def test_no_report_repeats_a_value_wherever_it_stands(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "docs").mkdir()
    for entity, value in VALUES.items():
        (project / "docs" / f"{entity}.md").write_text(f"See {value} there\n", encoding="utf-8")
        (project / "docs" / f"{value.replace('/', '-')}.json").write_text(
            json.dumps({value: {value: [value] * 3}}), encoding="utf-8"
        )
    columns = {f"{entity} {value}": [value] * 40 for entity, value in VALUES.items()}
    (project / "data" / "open").mkdir(parents=True)
    pl.DataFrame(columns).write_parquet(project / "data" / "open" / "t.parquet")
    outcome = check.check()
    found = {one.entity for one in outcome.findings if one.place.startswith("docs/")}
    assert found >= set(VALUES)
    assert hook.main(["docs"]) == 1
    said = capsys.readouterr()
    written = [path.read_text("utf-8") for path in (project / "reports/privacy").iterdir()]
    assert len(written) == 3
    for text in (*written, said.out, said.err, *map(report.sentence, outcome.findings)):
        assert_no_value_in(text)


def sarif(findings: list) -> dict:
    return report.as_sarif(report.Outcome(3, findings))


def test_the_sarif_report_has_what_code_scanning_needs() -> None:
    finding = import_module("mlops_kit.privacy.detect.findings").Finding
    log = sarif(
        [
            finding("docs/a b.md", "email", 2, 7, 0.9),
            finding("docs/t.csv: column mail", "email", 1, 5, 0.9),
            finding("models/m.pkl", "unreadable", 1, 0, 1.0, "is a pickle"),
        ]
    )
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == {"email", "unreadable"}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "error"
        assert result["message"]["text"].endswith(".")
    # What GitHub's page on its support of SARIF calls required, of a rule and of a place.
    assert all({"id", "shortDescription", "fullDescription", "help"} <= set(rule) for rule in rules)
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert places[0] == {
        "artifactLocation": {"uri": "docs/a%20b.md"},
        "region": {"startLine": 7},
    }
    # A row is no line: the place is the file, which code scanning shows at its first line.
    assert places[1] == {
        "artifactLocation": {"uri": "docs/t.csv"},
        "region": {"startLine": 1},
    }
    assert sarif([])["runs"][0]["results"] == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not valid JSON"),
        ("[]", "must hold a list"),
        ('{"accepted": [{"place": "a"}]}', "exactly these keys"),
        (
            '{"accepted": [{"place": "a", "entity": "mail", "count": 1, "reason": "r", '
            '"until": "2030-01-01"}]}',
            "none that the check knows",
        ),
        (
            '{"accepted": [{"place": "a", "entity": "email", "count": 0, "reason": "r", '
            '"until": "2030-01-01"}]}',
            "whole number",
        ),
        (
            '{"accepted": [{"place": "a", "entity": "email", "count": 1, "reason": " ", '
            '"until": "2030-01-01"}]}',
            "say something",
        ),
        (
            '{"accepted": [{"place": "a", "entity": "email", "count": 1, "reason": "r", '
            '"until": "soon"}]}',
            "a day such as",
        ),
    ],
)
def test_a_wrong_baseline_is_told_in_one_sentence(
    project: Path, content: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "conf").mkdir()
    (project / "conf/privacy-baseline.json").write_text(content)
    with pytest.raises(import_module("mlops_kit.core.errors").MlopsError, match=says) as error:
        check.check()
    assert error.value.exit_code == 3
    assert hook.main() == 3
    assert capsys.readouterr().err.startswith("error: conf/privacy-baseline.json")


def test_an_entry_covers_its_file_and_no_file_with_a_longer_name() -> None:
    finding = import_module("mlops_kit.privacy.detect.findings").Finding
    entry = baseline.Accepted("docs/a.md", "email", 9, "r", datetime.date(2999, 1, 1))
    for place in ("docs/a.md", "docs/a.md (file name)", "docs/a.md: column x"):
        assert entry.covers(finding(place, "email", 1, 0, 1.0))
    for place, entity in (("docs/a.md.bak", "email"), ("docs/a.md", "phone"), ("a.md", "email")):
        assert not entry.covers(finding(place, entity, 1, 0, 1.0))


# Logs.


@pytest.fixture
def installed() -> Iterator[None]:
    """Install the filter for one test."""
    factory, shown, hooked = logging.getLogRecordFactory(), warnings.formatwarning, sys.excepthook
    log_filter.install()
    yield
    logging.setLogRecordFactory(factory)
    warnings.formatwarning, sys.excepthook = shown, hooked


@pytest.mark.parametrize("entity", VALUES)
def test_no_log_record_holds_a_value(
    entity: str, installed: None, caplog: pytest.LogCaptureFixture
) -> None:
    value = VALUES[entity]
    logger = logging.getLogger("team.code")
    with caplog.at_level(logging.INFO):
        logger.info("row failed: %s", value)
        try:
            raise ValueError(f"cannot parse {value}")
        except ValueError:
            logger.exception("stopped")
    assert f"[{entity.upper()}]" in caplog.text
    assert "ValueError: cannot parse" in caplog.text
    assert_no_value_in(caplog.text)


def test_warnings_and_uncaught_errors_hold_no_value(
    installed: None, capsys: pytest.CaptureFixture[str]
) -> None:
    said = warnings.formatwarning(UserWarning(VALUES["email"]), UserWarning, "a.py", 1)
    assert "UserWarning: [EMAIL]" in said
    error = ValueError(VALUES["iban"])
    sys.excepthook(ValueError, error, None)
    assert "ValueError: [IBAN]" in capsys.readouterr().err


def test_a_handler_of_ones_own_can_take_the_filter() -> None:
    record = logging.LogRecord("x", 20, "a.py", 1, "for %s", (VALUES["email"],), None)
    assert log_filter.RedactingFilter().filter(record)
    assert record.getMessage() == "for [EMAIL]"


def test_ordinary_lines_stay_as_they_are() -> None:
    for line in (
        "auc 0.7893 against 0.5000, better by 0.2893 [0.2792, 0.2994]",
        "http://127.0.0.1:5000 (stop with Ctrl-C)",
        "2025-01-01 10:00:00,123 INFO epoch 7 of 10, 37111 rows in 1.25 s",
        "docs/c.md does not exist; correct the path.",
        "warning: password auth is off",
    ):
        assert log_filter.redacted(line) == line


def test_disguised_values_are_redacted_and_a_failing_rule_withholds_the_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "perez" not in log_filter.redacted("GET /?mail=ana.perez%40corp.com HTTP/1.1")
    monkeypatch.setattr(log_filter, "without_personal_data", lambda text: 1 / 0)
    assert log_filter.redacted("anything") == log_filter.WITHHELD


# The hook, and what the template ships.


def test_the_hook_imports_nothing_heavy(tmp_path: Path) -> None:
    """Modules and not seconds: a busy machine must not make this red."""
    project = render(tmp_path / "p", SHOP)
    code = (
        "import sys; from mlops_kit.privacy.gate import hook; "
        "code = hook.main(['a.md', 'a.csv', 'a.json', 'a.ipynb', 'a.html']); "
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    for name in ("a.md", "a.csv", "a.html"):
        (project / name).write_text("mail\nana.perez@corp.com\n")
    (project / "a.json").write_text('{"a": ["x"]}')
    (project / "a.ipynb").write_text('{"cells": []}')
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project,
        env={"PYTHONPATH": "tools/kit", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "1 []\n", done.stderr
    assert done.stderr.count("e-mail address") == 3


@pytest.mark.parametrize("name", first_and_repetitions("regulated", "poc", "team", "cloud", kept=2))
def test_what_the_template_ships_passes_its_own_gate(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = render(tmp_path / "p", {**SHOP, **profile(name)})
    git("init", "--quiet", cwd=project)
    monkeypatch.chdir(project)
    assert not (project / "conf" / "privacy-baseline.json").exists()
    outcome = check.check()
    assert [report.sentence(one) for one in outcome.findings] == []
    if name == "regulated":
        git("add", "--all", cwd=project)
        assert hook.main() == 0


def test_the_hook_reads_what_is_staged(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "clientes.csv").write_text("nota;dni\nx;30123456\n", encoding="utf-8")
    assert hook.main() == 0
    git("add", "--all", cwd=project)
    assert hook.main() == 1
    assert "clientes.csv: column dni: Argentine DNI, first at row 1" in capsys.readouterr().err


def test_without_personal_data_the_hook_and_the_ci_step_leave_no_trace(tmp_path: Path) -> None:
    without = render(tmp_path / "none", {**SHOP, "personal_data": "none"})
    with_data = render(tmp_path / "pii", SHOP)
    for name in (".pre-commit-config.yaml", ".github/workflows/ci.yml", "README.md"):
        text = (without / name).read_text(encoding="utf-8")
        assert "privacy" not in text
        assert "\n\n\n" not in text
        assert "privacy" in (with_data / name).read_text(encoding="utf-8")
    # The kit's own pages and its room.py name every room, also one that is not there.
    kit = without / "tools" / "kit"
    constant = {without / "uv.lock", kit / "README.md", kit / "mlops_kit/room.py"}
    files = [file for file in without.rglob("*") if file.is_file() and file not in constant]
    assert not (kit / "mlops_kit" / "privacy").exists()
    telling = re.compile(r"(?i)privacy|personal data|presidio_|\bpii\b")
    assert [f.name for f in files if telling.search(f.read_text("utf-8", "replace"))] == []
