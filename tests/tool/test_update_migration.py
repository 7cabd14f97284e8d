"""An update across the move of the template's code: edits follow, and old names keep working."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import copier
import pytest
from copier_mlops.cli import main
from copier_mlops.errors import ToolError
from copier_mlops.rendering.versions import opened
from copier_mlops.repository.project import project_at
from copier_mlops.updating.update import render_both, update, work_out
from lifecycle import (
    BEFORE_THE_KIT,
    NEXT,
    add_version,
    commit,
    memoised_versions,
    repository,
    text_of,
    versioned_template,
)
from rendering import SHOP, git
from running import first_and_repetitions

OLD_NAMES = "src/shop/mlops/__init__.py"
METRIC = """\
import numpy as np

from .mlops.compare.metrics import register


def within_ten(truth, prediction):
    return np.mean(np.abs(truth - prediction) <= 10)


register("within_ten", within_ten, "higher", "prediction", "share of errors of at most ten")
"""
NOTEBOOK = "notebooks/start.ipynb"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the template with every release and the working tree as the next."""
    root = versioned_template(tmp_path_factory.mktemp("versions") / "template")
    with memoised_versions(root):
        yield root


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """Return a repository of the last release."""
    return repository(template, tmp_path / "shop", BEFORE_THE_KIT[-1], SHOP)


def write(project: Path, name: str, content: str) -> None:
    """Write a file of the team's and commit it."""
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text(content, encoding="utf-8")
    commit(project)


def without_old_names(project: Path) -> None:
    """Let the seeded notebook import what it does since the move."""
    text = (project / NOTEBOOK).read_text(encoding="utf-8")
    write(project, NOTEBOOK, text.replace("from shop.mlops import", "from mlops_kit import"))


def python(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a project as its environment would."""
    path = os.pathsep.join(map(str, (project / "src", project / "tools" / "kit")))
    return subprocess.run(
        [sys.executable, "-W", "always::DeprecationWarning", *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("version", first_and_repetitions(*BEFORE_THE_KIT))
def test_an_edit_of_a_file_that_moved_whole_follows_it(
    version: str, template: Path, tmp_path: Path
) -> None:
    project = repository(template, tmp_path / "shop", version, SHOP)
    old, new = "src/shop/mlops/data/shop.py", "tools/kit/mlops_kit/data/sources/sample_shop/shop.py"
    model = "# the team's own\n" + (project / "src/shop/model.py").read_text(encoding="utf-8")
    text = (project / old).read_text(encoding="utf-8")
    write(project, old, f"{text}\n\nOURS = 42\n")
    write(project, "src/shop/model.py", model)
    report, _ = update(project, lock=False)
    assert report.merged.conflicts == {}
    assert report.merged.renamed[old] == new
    assert not (project / old).exists()
    assert (project / new).read_text(encoding="utf-8").endswith("\n\nOURS = 42\n")
    assert (project / "src/shop/model.py").read_text(encoding="utf-8") == model


def test_a_room_that_new_answers_leave_out_is_dropped_where_it_was(project: Path) -> None:
    gate, hook = "src/shop/mlops/privacy/check.py", "src/shop/mlops/privacy/hook.py"
    text = (project / gate).read_text(encoding="utf-8")
    write(project, gate, f"{text}\n\nOURS = 42\n")
    report, _ = update(project, given={"personal_data": "none"}, lock=False)
    assert hook in report.merged.dropped
    assert not (project / hook).exists()
    assert [*report.merged.conflicts] == [gate]
    assert (project / gate).read_text(encoding="utf-8").endswith("OURS = 42\n")
    assert not (project / "tools/kit/mlops_kit/privacy").exists()


TRAINING = "src/shop/mlops/training.py"
FITTING = "tools/kit/mlops_kit/train/fitting/fit.py"
STORED = "tools/kit/mlops_kit/train/model_file.py"
FITTED = "        return estimator.fit(features, target)\n"
WRITTEN = '        out.writestr(zipfile.ZipInfo("schema.json"), schema)\n'


def test_an_edit_of_training_goes_where_its_lines_went(project: Path) -> None:
    text = (project / TRAINING).read_text(encoding="utf-8")
    write(project, TRAINING, text.replace(WRITTEN, f"        # ours\n{WRITTEN}"))
    report, _ = update(project, lock=False)
    assert report.is_finished
    assert f"        # ours\n{WRITTEN}" in (project / STORED).read_text(encoding="utf-8")
    assert not (project / TRAINING).exists()


def test_an_edit_of_training_that_two_files_would_need_is_a_patch(project: Path) -> None:
    text = (project / TRAINING).read_text(encoding="utf-8")
    for line in (WRITTEN, FITTED):
        text = text.replace(line, f"        # ours\n{line}")
    write(project, TRAINING, text)
    report, _ = update(project, lock=False)
    assert report.merged.conflicts == {}
    patch = report.merged.patches[TRAINING]
    assert patch.path == f"TEMPLATE_UPDATE/{TRAINING}.patch"
    assert {*[*patch.candidates][:2]} == {STORED, FITTING}
    assert all(len(patch.candidates[place]) == 1 for place in (STORED, FITTING))
    assert (project / patch.path).read_text(encoding="utf-8").count("\n+        # ours\n") == 2
    for place in (STORED, FITTING):
        assert "# ours" not in (project / place).read_text(encoding="utf-8")


def test_old_imports_reach_the_same_modules_and_warn(project: Path) -> None:
    write(project, "src/shop/metrics.py", METRIC)
    write(project, "src/shop/service.py", "from shop.mlops.privacy.log_filter import install\n")
    report, _ = update(project, lock=False)
    assert "names shop.mlops" in report.merged.notes[OLD_NAMES]
    written = (project / OLD_NAMES).read_text(encoding="utf-8")
    done = python(
        project,
        "-c",
        """
import importlib, json, sys, warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import shop.service
    from mlops_kit.compare.metrics import registry
    metric = registry.metric_named("within_ten")
    from shop.mlops import load
    import mlops_kit, shop.mlops as old
    other = {}
    for name, new in old.NEW_NAMES.items():
        mine = importlib.import_module(f"shop.mlops.{name}")
        if mine is not importlib.import_module(f"mlops_kit.{new}"):
            other[name] = sorted(n for n in dir(importlib.import_module(f"mlops_kit.{new}"))
                                 if not n.startswith("__") and not hasattr(mine, n))
import mlops_kit.compare.metrics as room
print(json.dumps({
    "same": shop.mlops.compare.metrics is registry,
    "logs": shop.service.install is importlib.import_module("mlops_kit.privacy.gate.logs").install,
    "load": load is mlops_kit.load,
    "metric": metric.meaning,
    "room": room.__name__,
    "other": other,
    "warned": sorted({str(one.message) for one in caught
                      if one.category is DeprecationWarning and "mlops_kit" in str(one.message)}),
    "where": [one.filename for one in caught if "log_filter" in str(one.message)],
}))
""",
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["same"]
    assert found["logs"]
    assert found["load"]
    assert found["metric"] == "share of errors of at most ten"
    assert found["room"] == "mlops_kit.compare.metrics", "the kit's own names are left alone"
    # Old packages only pass names on; every module below them is the new one.
    assert found["other"] == {"compare": [], "data": [], "privacy": []}
    assert "shop.mlops is mlops_kit now." in found["warned"]
    gate = "shop.mlops.privacy.log_filter is mlops_kit.privacy.gate.logs now."
    assert gate in found["warned"]
    assert found["where"] == [str(project / "src/shop/service.py")]
    assert '"compare.metrics": "compare.metrics.registry",\n' in written


def test_the_hook_of_old_runs_under_its_old_name(project: Path) -> None:
    without_old_names(project)
    hook = project / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexec python -m shop.mlops.privacy.hook\n")
    report, _ = update(project, lock=False)
    assert "the git hook pre-commit" in report.merged.notes[OLD_NAMES]
    (project / "people.txt").write_text("Write to ana.gomez@correo.com.ar\n", encoding="utf-8")
    (project / "clean.txt").write_text("Nothing here.\n", encoding="utf-8")
    for name, code in {"people.txt": 1, "clean.txt": 0}.items():
        old = python(project, "-m", "shop.mlops.privacy.hook", name)
        new = python(project, "-m", "mlops_kit.privacy.gate.hook", name)
        assert (old.returncode, new.returncode) == (code, code), old.stderr
        assert new.stderr in old.stderr
        assert "shop.mlops.privacy.hook is mlops_kit.privacy.gate.hook now." in old.stderr


@pytest.mark.parametrize(
    ("name", "content", "needed"),
    first_and_repetitions(
        ("src/shop/extra.py", "from . import (\n    model,\n    mlops,\n)\n", True),
        ("Makefile", "check:\n\tuv run python -m shop.mlops.privacy.hook\n", True),
        ("scripts/extra.py", "from myshop.mlops import x\nfrom .mlops import y\n", False),
        ("src/shop/extra.py", "from . import mlops\n", True),
        ("src/shop/deep/extra.py", "from ..mlops.errors import MlopsError\n", True),
        ("src/shop/mlops/ours.py", "from .errors import MlopsError\n", True),
        ("scripts/extra.py", "import shop.mlops.compare.metrics as m\n", True),
        ("scripts/extra.py", "from shop import model, mlops\n", True),
        ("scripts/extra.py", "import importlib\nimportlib.import_module('shop.mlops')\n", True),
        ("scripts/extra.py", "from shop import model  # not mlops\nimport mlops_kit\n", False),
        ("docs/notes.md", "Once it was `from shop.mlops import load`.\n", False),
        ("src/shop/mlops_tools.py", "from .mlops_tools import x\n", False),
        kept=3,
    ),
)
def test_the_old_names_are_written_only_where_files_of_the_team_need_them(
    name: str, content: str, needed: bool, project: Path
) -> None:
    without_old_names(project)
    write(project, name, content)
    report = work_out(project_at(project), None, {}).report
    assert (OLD_NAMES in report.merged.files and OLD_NAMES in report.merged.notes) is needed
    if needed:
        assert name in report.merged.notes[OLD_NAMES]


def test_a_file_of_theirs_in_that_place_stays(template: Path, tmp_path: Path) -> None:
    project = repository(template, tmp_path / "shop", NEXT, SHOP)
    write(project, "scripts/extra.py", "from shop.mlops import load\n")
    (project / OLD_NAMES).parent.mkdir()
    (project / OLD_NAMES).write_text("# untracked, and ours\n", encoding="utf-8")
    git("config", "core.excludesFile", str(tmp_path / "ignore"), cwd=project)
    (tmp_path / "ignore").write_text("mlops/\n")
    assert update(project, lock=False)[0].is_empty
    git("add", "--force", OLD_NAMES, cwd=project)
    commit(project)
    assert update(project, lock=False)[0].is_empty
    assert (project / OLD_NAMES).read_text(encoding="utf-8") == "# untracked, and ours\n"


def test_after_plain_copier_the_named_command_writes_them(
    template: Path, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(project, "src/shop/metrics.py", METRIC)
    copier.run_update(project, defaults=True, overwrite=True)
    said = " ".join(capfd.readouterr().err.split())
    assert "every stage runs once again" in said
    assert "drops edits in renamed" in said
    assert "imports shop.mlops, commit and run copier-mlops update" in said
    assert git("ls-files", "--unmerged", cwd=project) == ""
    assert not (project / OLD_NAMES).exists()
    commit(project)
    report, _ = update(project, lock=False)
    assert [*report.merged.files] == report.merged.added == [OLD_NAMES]
    commit(project)
    assert update(project, lock=False)[0].is_empty


def test_the_report_says_what_an_update_across_the_move_means(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["copier-mlops", "update", str(project), "--no-lock"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for words in ("every stage runs once again", "plain `copier update` loses edits", OLD_NAMES):
        assert words in said
    commit(project)
    with pytest.raises(SystemExit):
        main()
    assert "every stage" not in capsys.readouterr().out


@pytest.mark.parametrize("tool", ["copier-mlops", "copier"])
def test_a_stored_name_stays_when_more_names_are_reserved(
    tool: str, template: Path, tmp_path: Path
) -> None:
    later = tmp_path / "later"
    git("clone", "--quiet", str(template), str(later), cwd=tmp_path)
    names = text_of(later, "questions/text.jinja").replace(" mlops_kit ", " mlops_kit vendor_kit ")
    add_version(later, "95.0.0", {"questions/text.jinja": names})
    answers = {**SHOP, "package_name": "vendor_kit"}
    project = repository(later, tmp_path / "p", BEFORE_THE_KIT[-1], answers)
    model = (project / "src/vendor_kit/model.py").read_text(encoding="utf-8") + "# ours\n"
    write(project, "src/vendor_kit/model.py", model)
    if tool == "copier":
        copier.run_update(project, defaults=True, overwrite=True, quiet=True)
    else:
        with opened(str(later)) as versions:
            base, theirs, _ = render_both(versions, project_at(project), None, {})
        new = {"kit": "tools/kit", "infrastructure": ["image", "compose"], "ai_governance": False}
        assert theirs.answers == {**base.answers, **new}
        return
    stored = (project / ".copier-answers.yml").read_text(encoding="utf-8")
    assert "package_name: vendor_kit\n" in stored
    assert "_commit: v95.0.0\n" in stored
    assert (project / "src/vendor_kit/model.py").read_text(encoding="utf-8") == model
    with pytest.raises(ValueError, match="already used by Python"):
        copier.run_copy(str(later), tmp_path / "new", data=answers, defaults=True, quiet=True)


def test_a_package_with_the_name_of_the_kit_is_told_what_to_do(
    template: Path, tmp_path: Path
) -> None:
    answers = {**SHOP, "package_name": "mlops_kit"}
    project = repository(template, tmp_path / "p", BEFORE_THE_KIT[-1], answers)
    with pytest.raises(ToolError, match=r"could not be imported\. First, by hand: move src/<old>"):
        update(project, lock=False)
    assert git("status", "--porcelain", cwd=project) == ""


@pytest.mark.parametrize("version", first_and_repetitions(*BEFORE_THE_KIT))
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_teams_own_lines_of_pyproject_stay_in_the_groups(
    ends: str, version: str, template: Path, tmp_path: Path
) -> None:
    project = repository(template, tmp_path / "shop", version, SHOP)
    path = project / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("dependencies = []", 'dependencies = [\n    "requests>=2",  # the shop\'s API\n]'),
        ('  "typer>=0.29,<1",\n', '  "typer>=0.29,<1",\n  "httpx>=0.27",\n'),
        ('  "duckdb>=2,<3",\n', '  "duckdb>=2.1,<3",\n'),
        ('  "ruff>=0.17,<1",\n', '  "ruff>=0.17,<1",\n  "mypy>=1",\n'),
        ('mlops.cli:main"\n', 'mlops.cli:main"\nserve = "shop.service:main"\n'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_bytes(text.replace("\n", ends).encode())
    git("config", "core.autocrlf", "false", cwd=project)
    with (project / ".gitattributes").open("a") as attributes:
        attributes.write("*.toml -text\n")
    commit(project)
    report, _ = update(project, lock=False)
    assert report.merged.conflicts == {}
    written = path.read_bytes().decode()
    assert written.count("\n") == written.count(ends)
    merged = tomllib.loads(written)
    groups = merged["dependency-groups"]
    assert groups["mlops"] == ["duckdb>=2.1,<3", "httpx>=0.27", "mlops-kit"]
    assert groups["ner"] == ["mlops-kit[ner]"]
    assert groups["dev"][-2:] == ["ruff>=0.17,<1", "mypy>=1"]
    assert merged["project"]["dependencies"] == ["requests>=2"]
    assert merged["project"]["scripts"] == {"serve": "shop.service:main"}
    assert merged["tool"]["uv"]["sources"]["mlops-kit"]["path"] == "tools/kit"
    assert merged["tool"]["mlops"] == {"package": "shop"}
    assert "  # the shop's API" in written
