"""What the template adds fits files of theirs that its commands would hide, read or write."""

from pathlib import Path

import yaml
from adoption import REPORT, adopted
from rendering import git
from shapes import build


def test_files_that_powershell_wrote_count_and_nothing_of_theirs_is_written_over(
    template: Path, tmp_path: Path
) -> None:
    folder = build(
        tmp_path / "r",
        {
            "a.py": "import mlflow\n",
            "mlflow.db": "theirs",
            "models/model.json": "{}\n",
            "data/inputs.json": "{}\n",
        },
    )
    rules = "venv/\r\n__pycache__/\r\n"
    (folder / ".gitignore").write_bytes(rules.encode("utf-16"))
    (folder / "requirements.txt").write_bytes("pandas>=2\r\npymongo\r\n".encode("utf-16"))
    git("add", "--all", "--force", cwd=folder)
    git("commit", "--quiet", "--message", "As Windows writes them", cwd=folder)
    adoption = adopted(folder, template)

    assert (folder / ".gitignore").read_bytes().startswith(rules.encode())
    for name in ("data/restricted/x.csv", ".secrets/key", "venv/x"):
        assert git("check-ignore", name, cwd=folder).strip() == name
    assert "mongodb" in adoption.answers["data_sources"].answer
    assert '"pandas>=2"' in (folder / "pyproject.toml").read_text(encoding="utf-8")
    settings = yaml.safe_load((folder / "conf/dev.yaml").read_text(encoding="utf-8"))
    assert settings["tracking"]["uri"] == "sqlite:///mlflow-mlops.db"
    for name in ("mlflow-mlops.db", "models/registration.json"):
        assert git("check-ignore", name, cwd=folder).strip() == name
    report = (folder / REPORT).read_text(encoding="utf-8")
    differing = report.partition("## Differing")[2].partition("##")[0]
    for sentence in (
        "`.gitignore`: yours was UTF-16, which git and DVC cannot read",
        "`conf/dev.yaml`: you have a `mlflow.db`, which a newer MLflow would change",
        "`dvc.yaml`: you track data/inputs.json, where `mlops run` writes",
        "`dvc.yaml`: you track models/model.json, where its stage train writes",
    ):
        assert sentence in differing
    assert "this line changed" not in report


def test_where_nothing_is_in_the_way_nothing_differs(template: Path, tmp_path: Path) -> None:
    folder = build(tmp_path / "r", {"a.py": "\n", ".gitattributes": "\ufeff*.csv binary\n"})
    adopted(folder, template)
    settings = yaml.safe_load((folder / "conf/dev.yaml").read_text(encoding="utf-8"))
    assert settings["tracking"]["uri"] == "sqlite:///mlflow.db"
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert "- nothing" in report.partition("## Differing")[2].partition("##")[0]
    # Between the template's lines and theirs, a mark of the byte order would spoil their first.
    assert git("check-attr", "diff", "a.csv", cwd=folder).strip() == "a.csv: diff: unset"
