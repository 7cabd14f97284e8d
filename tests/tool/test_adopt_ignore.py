"""Rules in .gitignore above, below, and against what is tracked, when a repository comes in."""

from pathlib import Path

from adoption import REPORT, adopted
from copier_mlops.adopting.fitting import matches
from rendering import git
from shapes import build


def test_rules_above_an_adopted_folder_do_not_hide_the_managed_code(
    template: Path, tmp_path: Path
) -> None:
    files = {".gitignore": "data/\n", "service/a.py": "\n", "other/.gitignore": "*\n"}
    folder = build(tmp_path / "r", files) / "service"
    adopted(folder, template)
    assert git("ls-files", "-ci", "--exclude-standard", cwd=folder).splitlines() == []
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert "your rule `data/` would hide the template's tools/kit/mlops_kit/data/" in report
    assert "hides data/inputs.json" in report


def test_rules_below_that_have_the_last_word_are_told_and_not_overruled_in_vain(
    template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {"conf/.gitignore": "*.yaml\n", "a.py": "\n"})
    adopted(folder, template)
    assert "conf" not in (folder / ".gitignore").read_text(encoding="utf-8")
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert (
        "your rule `*.yaml` would hide the template's conf/base.yaml: `git add --force`" in report
    )


def test_what_is_tracked_against_their_own_rules_stays_ignored(
    template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {".gitignore": ".env\n", ".env": "TOKEN=x\n", "a.py": "\n"})
    adopted(folder, template)
    assert git("ls-files", "-ci", "--exclude-standard", cwd=folder) == ".env\n"


def test_a_line_of_blanks_is_no_rule() -> None:
    assert matches("/logs/\n \n*.tmp\n", ["src/", "logs/a", "b.tmp"]) == {
        "logs/a": "/logs/",
        "b.tmp": "*.tmp",
    }
