"""The proposed policy and docs/privacy.md of rendered projects: valid, complete, never stale."""

import shutil
from importlib import import_module
from pathlib import Path

import polars as pl
import pytest
import yaml
from mlops_kit.core.errors import MlopsError
from mlops_kit.data import config as sources
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.policy import load as policy
from mlops_kit.privacy.policy import propose
from mlops_kit.privacy.record import document
from rendering import SHOP, git, render

COLUMNS = """
entity: {table: patients, column: patient_id}
sources: {mine: {kind: files, folder: raw}}
tables:
  patients:
    source: mine
    path: p.csv
    columns:
      patient_id: {type: integer, unique: true}
      full_name: {type: string}
      email: {type: string}
      birth_date: {type: date}
      postal_code: {type: string}
      notes: {type: string}
      code: {type: string}
      price: {type: number}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a rendered project under all rules, with a restricted table."""
    answers = {"personal_data": "phi", "jurisdictions": ["gdpr", "ley_25326", "hipaa"]}
    project = render(tmp_path / "p", {**SHOP, **answers})
    git("init", "--quiet", cwd=project)
    (project / "conf" / "sources.yaml").write_text(COLUMNS, encoding="utf-8")
    names = [
        "Ana Ruiz",
        "Juan P\u00e9rez",
        "Luc\u00eda G\u00f3mez",
        "Carlos D\u00edaz",
        "Marta Gil",
    ]
    text = "El paciente vuelve con dolor y se le indica reposo por siete d\u00edas"
    table = pl.DataFrame(
        {
            "patient_id": range(500),
            "full_name": [names[n % 5] for n in range(500)],
            "email": [f"p{n}@corp.com" for n in range(500)],
            "birth_date": pl.date_range(pl.date(1970, 1, 1), pl.date(1971, 5, 15), eager=True),
            "postal_code": [f"C{1000 + n}ABC" for n in range(500)],
            "notes": [f"{text} {n}" for n in range(500)],
            "code": [f"HA-{n:04d}" for n in range(500)],
            "price": [n / 7 for n in range(500)],
        }
    )
    (project / "data/restricted/tables").mkdir(parents=True)
    table.write_parquet(project / "data/restricted/tables/patients.parquet")
    (project / "raw").mkdir()
    table.write_csv(project / "raw/p.csv")
    monkeypatch.chdir(project)
    return project


def test_a_proposed_policy_is_valid_and_says_why(project: Path) -> None:
    path = propose.propose()
    text = path.read_text(encoding="utf-8")
    rules = policy.load_privacy(sources.load_sources(), path).columns
    actions = {name.partition(".")[2]: rule.action for name, rule in rules.items()}
    assert actions == {
        "patient_id": "token",
        "full_name": "drop",
        "email": "token",
        "birth_date": "generalise",
        "postal_code": "generalise",
        "notes": "drop",
        "code": "undecided",
        "price": "keep",
    }
    rules_of_columns = text.partition("\ncolumns:\n")[2]
    lines = [line for line in rules_of_columns.splitlines() if line.startswith("  ")]
    assert len(lines) == 9  # columns, and a rule under anonymity
    assert all(" # " in line for line in lines)
    assert "e-mail address, likelihood 0.9" in text
    for value in ("Ruiz", "corp.com", "C1000ABC", "reposo"):
        assert value not in text


def test_a_proposal_is_never_overwritten_and_the_policy_never_touched(project: Path) -> None:
    before = (project / "conf/privacy.yaml").read_bytes()
    path = propose.propose()
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(MlopsError, match="exists already"):
        propose.propose()
    assert path.read_text(encoding="utf-8") == "mine"
    assert (project / "conf/privacy.yaml").read_bytes() == before
    assert not list(project.glob("conf/.*"))


def test_a_proposal_needs_no_run_but_the_declared_files(project: Path) -> None:
    shutil.rmtree(project / "data")
    propose.propose().unlink()
    (project / "raw/p.csv").unlink()
    with pytest.raises(MlopsError, match=r"raw/p.csv does not exist"):
        propose.propose()
    assert not list(project.glob("data/restricted/*"))


def use(project: Path) -> None:
    content = yaml.safe_load(propose.propose().read_text(encoding="utf-8"))
    content["record"] = {
        "purpose": "Fewer | missed visits",
        "owner": "Clinic",
        "legal_basis": "consent",
        "contact": "Data protection office",
        "retention": "two years",
        "recipients": ["the ward", "nobody else"],
    }
    content["columns"]["patients.code"] = {"action": "keep"}
    content["allow"] = [
        {"place": "patients.code", "entity": "account", "reason": "codes", "until": "2030-01-31"}
    ]
    text = yaml.safe_dump(content)
    (project / "conf/privacy.yaml").write_text(text, encoding="utf-8")


def test_the_document_holds_the_record_the_columns_the_duties_and_the_limits(project: Path) -> None:
    use(project)
    text = document.document()
    for said in (
        "| purpose | Fewer \\| missed visits |",
        "| how long it is kept | two years |",
        "| who receives it | the ward, nobody else |",
        "| `patients.email` | e-mail address | keyed code in the domain email |",
        "| `patients.notes` | text written by people | stays behind |",
        "| patients.code | account | codes | 2030-01-31 |",
        "Article 30",
        "article 21",
        "no legal advice",
        "It is not anonymisation",
        "mlops privacy erase --subject TOKEN",
        "Data about health: yes",
    ):
        assert said in text
    assert "not said yet" not in text
    letters = [line for line in text.splitlines() if line[:2] == "| " and line[3:5] == " |"]
    assert [line[2] for line in letters] == list("ABCDEFGHIJKLMNOPQR")
    assert "`patients.email`" in letters[5]
    named = {entity for entity, about in KINDS.items() if about.safe_harbor}
    assert all(any(f" {entity}" in line for line in letters) for entity in named)


def test_what_nobody_said_is_called_out(project: Path) -> None:
    propose.propose().replace(project / "conf/privacy.yaml")
    assert document.document().count("not said yet") == 4


def test_a_stale_document_is_told_by_the_doctor(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(project)
    commands = import_module("mlops_kit.privacy.commands")
    no_key, unwritten = commands.examine()
    assert "There is no key to protect personal data with" in no_key.message
    assert unwritten.message == "docs/privacy.md is not written yet"
    monkeypatch.setenv("MLOPS_PRIVACY_KEY", "k" * 64)
    document.write_document()
    assert list(commands.examine()) == []
    policy_file = project / "conf/privacy.yaml"
    policy_file.write_text(policy_file.read_text().replace("two years", "three years"))
    (found,) = commands.examine()
    assert found.status == "note"
    assert "docs/privacy.md differs" in found.message
    assert "mlops privacy document" in found.mend


def test_the_documents_pass_the_gate(project: Path) -> None:
    use(project)
    document.write_document()
    check = import_module("mlops_kit.privacy.gate.check")
    assert check.check([Path("docs"), Path("conf")]).findings == []
