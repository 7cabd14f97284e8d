"""``copier-mlops adopt``: repositories of eight shapes come in without losing a line."""

import configparser
import json
import re
import sys
from pathlib import Path

import pytest
import yaml
from adoption import REPORT, adopted, committed, on_disk, own_tests, unreported
from copier_mlops.adopting.adopt import BRANCH, undo
from copier_mlops.cli import main
from copier_mlops.errors import ToolError
from copier_mlops.updating.eject import eject
from copier_mlops.updating.update import update
from lifecycle import add_version, state_of, text_of
from rendering import git
from running import first_and_repetitions
from shapes import FOLDER, SHAPES, build, build_shape

PACKAGES = {
    "data_science": "data_science_ml",
    "poetry": "pricing_ml",
    "setup_cfg": "senal_x_ml",
    "flat_scripts": "flat_scripts_ml",
    "notebooks_only": "notebooks_only_ml",
    "dvc_project": "ranking_ml",
    "own_workflows": "demand",
    "monorepo": "recsys_ml",
}


@pytest.fixture(scope="module")
def two_versions(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template with a later version that changes what adoptions have merged."""
    later = tmp_path_factory.mktemp("later") / "template"
    git("clone", "--quiet", str(template), str(later), cwd=template)
    room = "template/tools/kit/mlops_kit/room.py"
    project = text_of(later, "template/pyproject.toml.jinja")
    changes: dict[str, str | bytes | None] = {
        room: text_of(later, room) + "\n# A later version.\n",
        room.replace("room", "extra"): '"""New."""\n',
        "template/.github/workflows/ci.yml.jinja": "# A later version.\n"
        + text_of(later, "template/.github/workflows/ci.yml.jinja"),
        "template/.gitignore": text_of(later, "template/.gitignore") + "/later/\n",
        "template/pyproject.toml.jinja": project.replace(
            'ui = ["mlops-kit[ui]"]', 'ui = ["mlops-kit[ui]"]\nlater = ["mlops-kit"]'
        ).replace('"ruff>=', '"tabulate>=0.9,<1",\n  "ruff>='),
    }
    add_version(later, "0.2.0", changes)
    return later


@pytest.mark.parametrize("shape", SHAPES)
def test_a_repository_comes_in_without_losing_a_line(
    shape: str, two_versions: Path, tmp_path: Path
) -> None:
    folder = build_shape(tmp_path / shape, shape)
    top = tmp_path / shape
    kept = {"notes.ignored": b"secret\n", "conf/dev.yaml": b"untracked: true\n"}
    for name, content in kept.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    (top / ".git" / "info" / "exclude").write_text("*.ignored\n", encoding="utf-8")
    before, tests_before = committed(top), own_tests(folder)

    adoption = adopted(folder, two_versions, version="0.1.0")

    report = (folder / REPORT).read_text(encoding="utf-8")
    after = committed(top)
    prefix = f"{FOLDER[shape]}/" if shape in FOLDER else ""
    inside = [
        {n.removeprefix(prefix): content for n, content in files.items() if n.startswith(prefix)}
        for files in (before, after)
    ]
    assert unreported(inside[0], inside[1], report) == []
    outside = {name for name in {*before, *after} if not name.startswith(prefix)}
    assert {n for n in outside if before.get(n) != after.get(n)} == set()
    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert git("status", "--porcelain", cwd=top).splitlines() == [f"?? {prefix}conf/dev.yaml"]
    assert "conf/dev.yaml" in report

    assert git("branch", "--show-current", cwd=top).strip() == BRANCH
    commits = git("log", "--format=%s", "HEAD", cwd=top).splitlines()
    assert len(commits) == 3
    changed = git("diff", "--name-only", "HEAD~1", cwd=top).splitlines()
    assert changed == [f"{prefix}.copier-answers.yml"]
    answers = yaml.safe_load((folder / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert answers["_commit"] == "v0.1.0"
    assert answers["_src_path"] == str(two_versions)
    assert answers["package_name"] == PACKAGES[shape]
    for question, evidence in adoption.answers.items():
        assert answers[question] == evidence.answer
        assert evidence.because
        assert f"| {question} |" in report
    assert (folder / "src" / PACKAGES[shape] / "features.py").is_file()
    assert (folder / "tools" / "kit" / "mlops_kit" / "cli.py").is_file()
    assert not (folder / "src" / "pyproject.toml").exists(), "no second distribution is needed"

    if tests_before[0] == 0:
        assert own_tests(folder) == tests_before
    assert adopted(folder, two_versions).done_before
    assert len(git("log", "--format=%s", "HEAD", cwd=top).splitlines()) == 3

    (folder / "conf" / "dev.yaml").unlink()  # update refuses what it might ship
    merged, _ = update(folder, to="0.2.0", given={}, check=False, lock=False)
    assert "A later version." in (folder / "tools/kit/mlops_kit/room.py").read_text()
    assert "/later/" in (folder / ".gitignore").read_text(encoding="utf-8")
    assert merged.merged.conflicts == {}
    merged_project = (folder / "pyproject.toml").read_text(encoding="utf-8")
    assert '"tabulate>=0.9,<1"' in merged_project
    if shape == "poetry":  # Its tools stand in a list of another name, without the other groups.
        assert "pyproject.toml" not in merged.merged.notes
    else:
        assert 'later = ["mlops-kit"]' in merged_project


def test_an_update_goes_to_the_templates_files_that_lie_beside_yours(
    two_versions: Path, tmp_path: Path
) -> None:
    files = SHAPES["own_workflows"]()
    files["pyproject.toml"] = "project = { name = 'x', version = '1' }\ntool = { a = 1 }\n"
    folder = build(tmp_path / "r", files)
    assert adopted(folder, two_versions, version="0.1.0").run == "uv run --project src"
    before = committed(folder)
    report, _ = update(folder, to="0.2.0", given={}, check=False, lock=False)
    assert report.merged.conflicts == {}
    assert (folder / "pyproject.toml").read_bytes() == before["pyproject.toml"]
    assert '"tabulate>=0.9,<1"' in (folder / "src" / "pyproject.toml").read_text(encoding="utf-8")
    assert (folder / ".github/workflows/ci.yml").read_bytes() == before[".github/workflows/ci.yml"]
    beside = (folder / ".github/workflows/ci.yml.template").read_text(encoding="utf-8")
    assert beside.startswith("# A later version.")
    assert "went to" in report.merged.notes["pyproject.toml"]


def test_an_update_leaves_a_file_alone_that_was_never_the_templates(
    two_versions: Path, tmp_path: Path
) -> None:
    folder = build_shape(tmp_path / "r", "own_workflows")
    adopted(folder, two_versions, version="0.1.0")
    git("rm", "--quiet", ".github/workflows/ci.yml.template", cwd=folder)
    git("commit", "--quiet", "--message", "Compared", cwd=folder)
    before = committed(folder)[".github/workflows/ci.yml"]
    report, _ = update(folder, to="0.2.0", given={}, check=False, lock=False)
    assert report.merged.conflicts == {}
    assert (folder / ".github/workflows/ci.yml").read_bytes() == before
    assert "yours is not" in report.merged.notes[".github/workflows/ci.yml"]


def test_an_update_does_not_take_a_workflow_for_the_templates_by_its_empty_lines(
    two_versions: Path, tmp_path: Path
) -> None:
    own = "name: tests\n\non:\n  push:\n\njobs:\n  one:\n    steps:\n" + "\n".join(
        f"      - run: make {step}\n" for step in ("a", "b", "c", "d", "e")
    )
    files = SHAPES["own_workflows"]() | {".github/workflows/ci.yml": own}
    for name, deleted in (("kept", False), ("deleted", True)):
        folder = build(tmp_path / name, files)
        adopted(folder, two_versions, version="0.1.0")
        if deleted:
            git("rm", "--quiet", ".github/workflows/ci.yml.template", cwd=folder)
            git("commit", "--quiet", "--message", "Compared", cwd=folder)
        report, _ = update(folder, to="0.2.0", given={}, check=False, lock=False)
        assert report.merged.conflicts == {}
        assert (folder / ".github/workflows/ci.yml").read_text(encoding="utf-8") == own


def test_an_update_leaves_what_is_kept_alone_while_the_templates_lies_beside_it(
    two_versions: Path, tmp_path: Path
) -> None:
    shipped = text_of(two_versions, "template/.github/workflows/ci.yml.jinja").splitlines(True)
    own = "".join(["# Ours.\n", *shipped[1 : len(shipped) // 2], "# Much like the template's.\n"])
    files = SHAPES["own_workflows"]() | {".github/workflows/ci.yml": own}
    folder = build(tmp_path / "r", files)
    adopted(folder, two_versions, version="0.1.0")
    report, _ = update(folder, to="0.2.0", given={}, check=False, lock=False)
    assert report.merged.conflicts == {}
    assert (folder / ".github/workflows/ci.yml").read_text(encoding="utf-8") == own


def test_the_accounting_of_lines_bites() -> None:
    before = {"a.txt": b"one\ntwo\ntwo\n", "b.txt": b"three\n"}
    assert unreported(before, before, "") == []
    assert unreported(before, {**before, "a.txt": b"two\none\n"}, "") == ["a.txt: two"]
    assert unreported(before, {"a.txt": before["a.txt"]}, "") == ["b.txt: three"]
    report = "- `a.txt`: your values win\n  - this line changed: `two`\n- `b.txt`: yours first\n"
    assert unreported(before, {**before, "a.txt": b"two\none\n"}, report) == []
    assert unreported(before, {**before, "b.txt": b""}, report) == ["b.txt: three"]


def test_the_plan_of_a_dry_run_is_what_is_done_and_it_writes_nothing(
    template: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = build_shape(tmp_path / "r", "dvc_project")
    state = state_of(folder)

    def run(*more: str) -> dict[str, object]:
        command = ["copier-mlops", "adopt", str(folder), "--template", str(template), "--json"]
        monkeypatch.setattr(sys, "argv", [*command, "--no-lock", *more])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
        return json.loads(capsys.readouterr().out)

    planned = run("--dry-run", "-d", "owner=Ana")
    assert state_of(folder) == state
    done = run("--defaults", "-d", "owner=Ana")
    assert planned.pop("written") is False
    assert done.pop("written") is True
    assert planned == done
    assert done["answers"]["owner"] == {"answer": "Ana", "because": "given"}  # type: ignore[index]
    paths = {change["path"] for change in done["changes"] if change["action"] == "added"}  # type: ignore[index, attr-defined]
    assert paths | {".copier-answers.yml"} == set(committed(folder)) - set(
        committed(folder, "HEAD~2")
    )


def test_answers_from_a_file_win_over_what_was_found(template: Path, tmp_path: Path) -> None:
    folder = build_shape(tmp_path / "r", "flat_scripts")
    answers = tmp_path / "answers.yml"
    answers.write_text("task: regression\nowner: A\n", encoding="utf-8")
    found = adopted(folder, template, answers_file=answers, data={"owner": "B"}).answers
    assert (found["task"].answer, found["owner"].answer) == ("regression", "B")
    assert found["data_sources"].answer == ["sample", "postgresql"]


@pytest.mark.parametrize("shape", ["poetry", "monorepo"])
def test_an_adoption_can_be_undone_after_it_ended(
    shape: str, template: Path, tmp_path: Path
) -> None:
    folder = build_shape(tmp_path / "r", shape)
    state = state_of(tmp_path / "r")
    adopted(folder, template)
    assert undo(folder) == []
    assert state_of(tmp_path / "r") == state
    adopted(folder, template)
    git("commit", "--quiet", "--allow-empty", "--message", "Work", cwd=folder)
    with pytest.raises(ToolError, match="committed"):
        undo(folder)


def test_a_repository_of_the_template_is_told_to_update(template: Path, tmp_path: Path) -> None:
    answers = "_src_path: /t\n_commit: v1\npackage_name: x\ntask: a\nfunctionality: new\n"
    folder = build(tmp_path / "r", {".copier-answers.yml": answers})
    with pytest.raises(ToolError, match="use copier-mlops update"):
        adopted(folder, template)


def test_a_repository_of_another_template_keeps_its_answers(template: Path, tmp_path: Path) -> None:
    files = {".copier-answers.yml": "_src_path: gh:else/where\n_commit: v1\nname: x\n"}
    folder = build(tmp_path / "r", files)
    with pytest.raises(ToolError, match="another template"):
        adopted(folder, template)
    assert committed(folder) == {name: text.encode() for name, text in files.items()}


def test_what_is_ignored_and_what_is_tracked_stay_so(template: Path, tmp_path: Path) -> None:
    folder = build_shape(tmp_path / "r", "data_science")
    adopted(folder, template)
    ignored = git("ls-files", "--cached", "--ignored", "--exclude-standard", cwd=folder)
    assert ignored == ""
    for name in ("data/restricted/x", "data/open/x", "models/model.skops", ".env.local"):
        assert git("check-ignore", name, cwd=folder).strip() == name
    for name in ("data/raw/new.csv", "models/new.py", ".env.example", "data/inputs.json"):
        with pytest.raises(Exception, match="check-ignore"):
            git("check-ignore", name, cwd=folder)


def test_rules_that_would_hide_the_managed_code_are_answered(
    template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {".gitignore": "data/\nconf\n*.lock\nlib/\n", "a.py": "\n"})
    adopted(folder, template)
    assert git("ls-files", "-ci", "--exclude-standard", cwd=folder) == ""
    assert "\n!/uv.lock\n" in (folder / ".gitignore").read_text(encoding="utf-8")
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert "your rule `data/` would hide the template's tools/kit/mlops_kit/data/" in report
    assert re.search(r"your rule `data/` hides data/inputs.json.*git add --force", report)


def test_crlf_files_stay_as_they_are_and_clean(template: Path, tmp_path: Path) -> None:
    folder = build_shape(tmp_path / "r", "flat_scripts")
    before = committed(folder)
    adopted(folder, template)
    assert b"text=auto" not in (folder / ".gitattributes").read_bytes()
    ignore = (folder / ".gitignore").read_bytes()
    assert ignore.count(b"\n") == ignore.count(b"\r\n")
    for name in ("main.py", "rules.py"):
        (folder / name).touch()  # git reads them anew
        assert (folder / name).read_bytes() == before[name]
    assert git("status", "--porcelain", cwd=folder) == ""


def test_parameters_and_remotes_of_a_dvc_project_stay_and_are_completed(
    template: Path, tmp_path: Path
) -> None:
    folder = build_shape(tmp_path / "r", "dvc_project")
    before = on_disk(folder)
    adopted(folder, template)
    params = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    assert params["seed"] == 42
    assert params["train"] == {"depth": 3}
    assert {"split", "features", "model"} <= set(params)
    config = (folder / ".dvc" / "config").read_text(encoding="utf-8")
    assert config.startswith(before[".dvc/config"].decode())
    assert "['remote \"dev\"']" in config
    assert (folder / "dvc.yaml").read_bytes() == before["dvc.yaml"]
    assert b"mlops train" in (folder / "dvc.yaml.template").read_bytes()
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert "`params.yaml`: `seed`: yours is `42`, not `7`" in report
    assert "`params.yaml`: yours first; new keys: `split`, `features`, `model`\n" in report


@pytest.mark.parametrize("given", [{}, {"license": "MIT"}])
def test_a_licence_file_is_added_only_where_somebody_asked_for_it(
    given: dict[str, str], template: Path, tmp_path: Path
) -> None:
    files = {"setup.py": "from setuptools import setup\n\nsetup(name='a', license='MIT')\n"}
    folder = build(tmp_path / "r", files)
    assert adopted(folder, template, data=given).answers["license"].answer == "MIT"
    assert ("LICENSE" in committed(folder)) is bool(given)


@pytest.mark.parametrize("given", [{}, {"license": "MIT"}])
def test_another_licence_lies_beside_theirs_only_where_somebody_asked_for_it(
    given: dict[str, str], template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {"LICENSE": "BSD 3-Clause\n"})
    adopted(folder, template, data=given)
    assert committed(folder)["LICENSE"] == b"BSD 3-Clause\n"
    assert ("LICENSE.template" in committed(folder)) is bool(given)


def test_jobs_of_gitlab_stay_and_those_of_the_template_wait_to_be_included(
    template: Path, tmp_path: Path
) -> None:
    jobs = "lint:\n  script: [make lint]\n"
    files = SHAPES["own_workflows"]()
    files = {name: text for name, text in files.items() if not name.startswith(".github/")}
    folder = build(tmp_path / "r", {**files, ".gitlab-ci.yml": jobs})
    adopted(folder, template)
    assert (folder / ".gitlab-ci.yml").read_text(encoding="utf-8") == jobs
    assert (folder / ".gitlab/mlops.yml").is_file() and not (folder / ".github").exists()
    told = (folder / "ADOPTION.md").read_text(encoding="utf-8")
    assert "`include: [{local: .gitlab/mlops.yml}]`" in told


def test_settings_of_their_own_stay_and_the_templates_lie_apart(
    template: Path, tmp_path: Path
) -> None:
    files = {"conf/base.yaml": "device: cuda\nproject:\n  seed: 1\n", "conf/prod.yml": "a: 1\n"}
    folder = build(tmp_path / "r", {**files, "conf/sources.yaml": "# ours\n", "a.py": "\n"})
    adopted(folder, template)
    written = committed(folder)
    assert written["conf/base.yaml"].decode() == files["conf/base.yaml"]
    assert b"model_name: r_ml" in written["conf/mlops/base.yaml"]
    assert "conf/dev.yaml" in written
    assert written["conf/sources.yaml"].startswith(b"# ours\n")
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert "- `conf/base.yaml`: yours; the template reads `conf/mlops/base.yaml`" in report


@pytest.mark.parametrize(
    ("name", "content"),
    [("README.md", b"# A\r\n\r\nCaf\xe9"), ("README.md", b"# A\n"), ("README.rst", b"A\n=\n")],
)
def test_leaving_the_template_keeps_their_readme_byte_by_byte(
    name: str, content: bytes, template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {"a.py": "\n"})
    (folder / name).write_bytes(content)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", "Readme", cwd=folder)
    adopted(folder, template)
    eject(folder)
    left = (folder / name).read_bytes()
    assert left.startswith(content)
    assert left.count(b"\n") == left.count(b"\r\n") or b"\r" not in content
    assert (b"Left the template" in left) is (name == "README.md")
    assert (folder / "README.md").exists() is (name == "README.md")


@pytest.mark.parametrize(
    ("name", "content", "foreign"),
    first_and_repetitions(
        ("params.yaml", "seed: 3\ntrain: {depth: 3}\n", False),
        ("conf/sources.yaml", "made: 2026-01-01\nportal:\n  url: x\n", True),
        ("conf/sources.yaml", "sources:\n  portal: {url: x}\n", True),
        ("conf/privacy.yaml", "policy: strict\n", True),
        ("conf/compare.yaml", "# nothing yet\n", False),
        ("params.yaml", "split:\n  start: '2025-04-01'\n", True),
        ("params.yaml", "model: 3\n", True),
        kept=2,
    ),
)
def test_yaml_that_means_something_else_is_not_mixed_with_the_templates(
    name: str, content: str, foreign: bool, template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {name: content, "a.py": "\n"})
    adopted(folder, template)
    written = committed(folder)
    report = (folder / REPORT).read_text(encoding="utf-8")
    assert (written[name].decode() == content) is foreign
    assert (f"{name}.template" in written) is foreign
    assert (f"rename `{name}.template`" in report) is foreign


@pytest.mark.parametrize(
    ("own", "default"), [("['remote \"store\"']\n    url = s3://x\n", None), ("", None)]
)
def test_where_their_data_is_pushed_without_a_name_stays_so(
    own: str, default: str | None, template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {".dvc/config": own or "[cache]\n    type = copy\n"})
    adopted(folder, template)
    config = configparser.ConfigParser()
    config.read(folder / ".dvc" / "config")
    assert config.get("core", "remote", fallback=None) == default
    assert config.has_section("'remote \"dev\"'")


def test_a_file_that_both_have_is_told_by_its_own_name(template: Path, tmp_path: Path) -> None:
    files = {"README.md": "# A\n", "README.en.md": "# A\n", "README.txt": "A\n"}
    folder = build(tmp_path / "r", files)
    adopted(folder, template)
    assert "`README.md`: yours; see" in (folder / REPORT).read_text(encoding="utf-8")
