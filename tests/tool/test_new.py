"""``copier-mlops new``: what it renders, what it refuses, and with which sentence and exit code."""

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from copier_mlops.cli import main
from copier_mlops.rendering.refusals import unread
from copier_mlops.rendering.template import default_source, resolve_source
from rendering import git, render, tagged_template, working_tree_copy

BAD_INPUT = 3


@dataclass
class Outcome:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


Tool = Callable[..., Outcome]


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tool:
    """Return a function that runs the command line in this process."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["copier-mlops", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Outcome(caught.value.code, printed.out, printed.err)

    return run


@pytest.fixture
def new(tool: Tool, template: Path, tmp_path: Path) -> Tool:
    """Return a function that runs ``copier-mlops new`` into ``tmp_path/project``."""

    def run(*arguments: object) -> Outcome:
        return tool("new", tmp_path / "project", "--template", template, "--defaults", *arguments)

    return run


def assert_refused(outcome: Outcome, *fragments: str, left: Path | None = None) -> None:
    """One sentence on stderr, exit code 3, and nothing written."""
    assert outcome.code == BAD_INPUT, outcome
    assert outcome.out == ""
    assert "Traceback" not in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1, outcome.err
    for fragment in fragments:
        assert fragment in outcome.err
    if left is not None:
        assert not left.exists()
        assert not list(left.parent.glob(".copier-mlops-*"))


def stored(project: Path) -> dict[str, object]:
    return yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))


def test_a_new_project_is_what_plain_copier_renders(
    new: Tool, template: Path, tmp_path: Path
) -> None:
    outcome = new()
    assert outcome.code == 0
    assert "uv run mlops run" in outcome.out
    assert str(tmp_path / "project") in outcome.out
    ours = {p.relative_to(tmp_path / "project"): p for p in (tmp_path / "project").rglob("*")}
    plain = render(tmp_path / "plain", template=template)
    assert set(ours) == {path.relative_to(plain) for path in plain.rglob("*")}
    assert all(
        path.read_bytes() == (plain / name).read_bytes()
        for name, path in ours.items()
        if path.is_file()
    )
    assert not list(tmp_path.glob(".copier-mlops-*"))


def test_the_template_and_its_version_are_stored_for_updates(
    new: Tool, template: Path, tmp_path: Path
) -> None:
    new()
    answers = stored(tmp_path / "project")
    assert answers["_commit"] == "v0.1.0"
    assert answers["_src_path"] == str(template)


def test_a_relative_template_is_stored_as_an_absolute_path(
    tool: Tool, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(template)
    assert tool("new", tmp_path / "p", "--template", ".", "--defaults").code == 0
    assert stored(tmp_path / "p")["_src_path"] == str(template)


def test_json_says_what_was_rendered(new: Tool, template: Path, tmp_path: Path) -> None:
    outcome = new("--json", "-d", "project_name=Tienda Ñandú")
    result = json.loads(outcome.out)
    assert result["destination"] == str(tmp_path / "project")
    assert result["template"] == str(template)
    assert (result["version"], result["commit"]) == ("0.1.0", "v0.1.0")
    assert result["answers"]["package_name"] == "tienda_nandu"


def test_answers_win_over_the_file_and_the_file_over_the_profile(new: Tool, tmp_path: Path) -> None:
    (tmp_path / "answers.yml").write_text("hosting: gcp\nserving: both\n", encoding="utf-8")
    new("--profile", "cloud", "--answers", tmp_path / "answers.yml", "-d", "serving=batch")
    answers = stored(tmp_path / "project")
    assert (answers["stage"], answers["hosting"], answers["serving"]) == (
        "production",
        "gcp",
        "batch",
    )


def test_the_answers_of_another_project_can_be_reused(new: Tool, tmp_path: Path) -> None:
    first = render(tmp_path / "first", {"project_name": "Otra tienda", "license": "MIT"})
    assert new("--answers", first / ".copier-answers.yml").code == 0
    assert stored(tmp_path / "project")["project_name"] == "Otra tienda"
    assert stored(tmp_path / "project")["license"] == "MIT"


@pytest.mark.parametrize("text", ["sample,files", "[files, sample]", "files, sample"])
def test_several_answers_are_given_with_commas_or_as_a_list(
    text: str, new: Tool, tmp_path: Path
) -> None:
    assert new("-d", f"data_sources={text}").code == 0
    assert stored(tmp_path / "project")["data_sources"] == ["sample", "files"]


def test_an_answer_may_hold_an_equals_sign(new: Tool, tmp_path: Path) -> None:
    new("-d", "business_metric=revenue = price * quantity")
    assert stored(tmp_path / "project")["business_metric"] == "revenue = price * quantity"


def test_an_empty_folder_is_filled_in_place(new: Tool, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    before = (tmp_path / "project").stat().st_ino
    assert new().code == 0
    assert (tmp_path / "project").stat().st_ino == before
    assert (tmp_path / "project" / "pyproject.toml").exists()
    assert not list((tmp_path / "project").glob(".copier-mlops-*"))


def test_folders_on_the_way_are_created(tool: Tool, template: Path, tmp_path: Path) -> None:
    project = tmp_path / "one" / "two" / "project"
    assert tool("new", project, "--template", template, "--defaults").code == 0
    assert (project / "pyproject.toml").exists()


def test_the_default_template_is_the_project_address_of_the_installed_tool() -> None:
    assert default_source() == "https://github.com/copier-mlops/copier-mlops"
    assert resolve_source(None) == default_source()


@pytest.mark.parametrize("address", ["gh:a/b", "git@host.example:a/b.git", "https://a.example/b"])
def test_an_address_is_passed_on_unchanged(address: str) -> None:
    assert resolve_source(address) == address


def test_the_version_is_printed(tool: Tool) -> None:
    outcome = tool("--version")
    assert (outcome.code, outcome.out.strip()) == (0, version("copier-mlops"))


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["-d", "hostng=aws"], "did you mean hosting?"),
        (["-d", "zzz=1"], "it has project_name, package_name"),
        (["-d", "project_slug=x"], "follows from the other answers"),
        (["-d", "environments=[dev]"], "follows from the other answers"),
        (["-d", "hosting=ibm"], "'ibm' is none of its choices; it has on_premises, aws, "),
        (["-d", "data_sources=sybase"], "'sybase' is none of its choices"),
        (["-d", "data_sources=[]"], "Choose at least one data source"),
        (["-d", "package_name=class"], "package_name: The name class is already used"),
        (["-d", "project_name=你好"], "package_name: Give the Python package a name"),
        (["-d", "stage"], "Write -d as question=answer"),
        (["-d", "stage=poc", "-d", "stage=production"], "answered twice"),
        (["-d", "personal_data=none", "-d", "jurisdictions=gdpr"], "jurisdictions is not asked"),
        (["--profile", "huge"], "it has cloud, poc, regulated, team"),
        (["--profile", "../profiles/poc"], "has no profile"),
        (["--vcs-ref", "v9.9.9"], "has no version 'v9.9.9'; its releases are 0.1.0"),
        (["--answers", "no-such-file.yml"], "No such file or directory"),
        (["--nonsense"], "--help lists what is possible"),
    ],
)
def test_a_wrong_argument_is_refused(
    arguments: list[str], fragment: str, new: Tool, tmp_path: Path
) -> None:
    assert_refused(new(*arguments), fragment, left=tmp_path / "project")


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("- stage\n- poc\n", "must hold answers"),
        ("stage: [\n", "is not YAML: line 2, expected"),
        ("\0", "is not YAML: unacceptable character"),
        ("ai_governance: perhaps\n", "The answer to ai_governance must be yes or no"),
        ("hosting: mars\n", "hosting: 'mars' is none of its choices; it has on_premises, aws"),
        ("hosting: [aws]\n", "The answer to hosting must be text"),
        ("data_sources: {sample: true}\n", "must be a list"),
        ("owner:\n", "The answer to owner must be text"),
        ("stagee: poc\n", "did you mean stage?"),
    ],
)
def test_a_wrong_file_of_answers_is_refused(
    text: str, fragment: str, new: Tool, tmp_path: Path
) -> None:
    (tmp_path / "answers.yml").write_text(text, encoding="utf-8")
    outcome = new("--answers", tmp_path / "answers.yml")
    assert_refused(outcome, fragment, left=tmp_path / "project")


def test_a_profile_may_hold_an_answer_that_others_switch_off(new: Tool, tmp_path: Path) -> None:
    assert new("--profile", "regulated", "-d", "personal_data=none").code == 0
    assert "jurisdictions" not in stored(tmp_path / "project")


def test_a_folder_with_something_in_it_is_refused(new: Tool, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "mine.txt").write_text("precious")
    assert_refused(new(), "exists and is not an empty folder")
    assert [path.name for path in (tmp_path / "project").iterdir()] == ["mine.txt"]


def test_a_file_in_the_way_is_refused(new: Tool, tmp_path: Path) -> None:
    (tmp_path / "project").write_text("precious")
    assert_refused(new(), "is not an empty folder")
    assert (tmp_path / "project").read_text() == "precious"


def test_a_template_with_uncommitted_changes_is_refused(
    tool: Tool, tmp_path: Path, template: Path
) -> None:
    dirty = shutil.copytree(template, tmp_path / "dirty")
    (dirty / "template" / "new-file.txt").write_text("not committed")
    outcome = tool("new", tmp_path / "p", "--template", dirty, "--defaults")
    assert_refused(outcome, "has uncommitted changes", left=tmp_path / "p")


def test_a_folder_that_is_no_template_is_refused(tool: Tool, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    outcome = tool("new", tmp_path / "p", "--template", tmp_path / "empty", "--defaults")
    assert_refused(outcome, "is not a template", left=tmp_path / "p")


@pytest.mark.parametrize("address", ["no-such-folder", "file:///no/such/repository.git"])
def test_a_template_that_cannot_be_reached_is_refused(
    address: str, tool: Tool, tmp_path: Path
) -> None:
    outcome = tool("new", tmp_path / "p", "--template", address, "--defaults")
    assert_refused(outcome, "template", "no", left=tmp_path / "p")


def test_a_template_that_would_run_code_is_refused(tool: Tool, tmp_path: Path) -> None:
    hostile = tagged_template(tmp_path / "hostile")
    text = (hostile / "copier.yml").read_text(encoding="utf-8")
    (hostile / "copier.yml").write_text("_tasks: ['touch ran']\n" + text, encoding="utf-8")
    git("commit", "--all", "--message", "Run code", cwd=hostile)
    git("tag", "v0.2.0", cwd=hostile)
    outcome = tool("new", tmp_path / "p", "--template", hostile, "--defaults")
    assert_refused(outcome, "wants to run code", left=tmp_path / "p")


def test_a_broken_template_leaves_nothing_behind(tool: Tool, tmp_path: Path) -> None:
    broken = tagged_template(tmp_path / "broken")
    (broken / "template" / "zz.txt.jinja").write_text("{{ no_such_answer }}")
    git("add", "--all", cwd=broken)
    git("commit", "--message", "Break it", cwd=broken)
    git("tag", "v0.2.0", cwd=broken)
    outcome = tool("new", tmp_path / "p", "--template", broken, "--defaults")
    assert_refused(outcome, "no_such_answer", left=tmp_path / "p")


def test_without_git_the_tool_says_so(
    new: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_refused(new(), "git is needed", left=tmp_path / "project")


def test_without_a_terminal_the_tool_asks_for_defaults(
    tool: Tool, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        outcome = tool("new", tmp_path / "p", "--template", template)
    assert_refused(outcome, "add --defaults", left=tmp_path / "p")


def test_an_old_python_is_refused(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 14, "final", 0))
    assert_refused(tool("--version"), "needs Python 3.11 or newer; this is 3.10.14")


def test_debug_shows_the_traceback(tool: Tool, tmp_path: Path) -> None:
    outcome = tool("--debug", "new", tmp_path / "p", "--template", "nowhere", "--defaults")
    assert outcome.code == BAD_INPUT
    assert outcome.err.startswith("Traceback (most recent call last):")
    assert "in resolve_source" in outcome.err
    assert "ToolError: There is no template at" in outcome.err


def test_a_place_that_cannot_be_written_is_refused(tool: Tool) -> None:
    """Permissions do not bind root, so root steps down in a child process."""
    # Not in TMPDIR, which others may not be let into; then that folder would be the one refused.
    folder = Path(tempfile.mkdtemp(dir="/tmp")).resolve()
    folder.chmod(0o555)
    # Made and imported by who may read it, not by the child.
    working_tree_copy()
    importlib.import_module("copier_mlops.rendering.new")
    try:
        code = in_child(lambda: tool_without_rights(tool, folder))
    finally:
        folder.chmod(0o755)
        left = list(folder.iterdir())
        shutil.rmtree(folder)
    assert code == 0
    assert left == []


def tool_without_rights(tool: Tool, folder: Path) -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    outcome = tool("new", folder / "p", "--template", working_tree_copy(), "--defaults")
    assert_refused(outcome, f"Cannot write in {folder}")


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked child and return its exit code: 0 when nothing was raised."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_question_about_the_tool_loads_no_library_of_its_work() -> None:
    """`--help` and `--version` would else take twice as long."""
    code = "import copier_mlops.cli, sys; print(sorted({'copier', 'tomlkit'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_template_that_is_out_of_reach_is_told_with_what_to_look_at() -> None:
    said = unread("https://a.example/b", "fatal: Could not resolve host: a.example")
    assert said == (
        "Cannot read the template https://a.example/b: Could not resolve host: a.example; check "
        "its address and the network."
    )
