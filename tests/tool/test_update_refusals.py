"""What an update refuses: one sentence, exit code 3, and nothing touched anywhere."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from copier_mlops.cli import adopt, main, new, update
from lifecycle import commit, state_of
from rendering import git
from tiny_template import LINES, MANAGED, second_version, tiny_project, tiny_template

ANSWERS = ".copier-answers.yml"


@dataclass
class Outcome:
    """How a command ended, and what it printed."""

    code: object
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The last line on stderr; what stands before it is progress."""
        return self.err.strip().splitlines()[-1]


Tool = Callable[..., Outcome]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    template = tiny_template(tmp_path / "template")
    second_version(template, **{"template/new.txt": "new\n", f"{MANAGED}/extra.py": "new\n"})
    return template


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return tiny_project(template, tmp_path / "project")


@pytest.fixture
def tool(project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Tool:
    """Return a function that runs the command line on the project, in this process."""

    def run(command: str, *arguments: object) -> Outcome:
        monkeypatch.setattr(
            sys, "argv", ["copier-mlops", command, str(project), *map(str, arguments)]
        )
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capfd.readouterr()
        return Outcome(caught.value.code, printed.out, printed.err)

    return run


@pytest.fixture
def refused(tool: Tool, project: Path, tmp_path: Path) -> Callable[..., None]:
    """Return a function that runs an update and proves that it only said a sentence."""

    def check(*words: str, arguments: tuple[object, ...] = ()) -> None:
        before = state_of(project)
        around = sorted(path.name for path in tmp_path.iterdir())
        outcome = tool("update", *arguments)
        assert outcome.code == 3, outcome
        assert "Traceback" not in outcome.err
        for word in words:
            assert word in outcome.sentence
        assert state_of(project) == before
        assert sorted(path.name for path in tmp_path.iterdir()) == around

    return check


Refused = Callable[..., None]


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_new_update_and_adopt_take_the_same_defaults(tool: Tool) -> None:
    options = [get_type_hints(one, include_extras=True) for one in (new, update, adopt)]
    assert options[0]["defaults"] == options[1]["_defaults"] == options[2]["defaults"]
    without, given = tool("update", "--check"), tool("update", "--check", "--defaults")
    assert (given.code, given.out) == (0, without.out)
    assert "+line 15, better" in given.out


def test_the_command_line_updates_and_tells_by_its_exit_code(tool: Tool, project: Path) -> None:
    outcome = tool("update", "--check")
    assert (outcome.code, "+line 15, better" in outcome.out) == (0, True)
    rewrite(project / "src/shop/mlops/cli.py", "line 15\n", "mine\n")
    commit(project)
    assert tool("update", "--check", "--json").code == 1
    outcome = tool("update")
    assert (outcome.code, "Conflicts" in outcome.out) == (1, True)
    assert "Still unmerged: src/shop/mlops/cli.py" in tool("update", "--continue").sentence
    (project / "src/shop/mlops/cli.py").write_text("solved\n")
    git("add", "--all", cwd=project)
    assert tool("update", "--continue").code == 0
    commit(project)
    outcome = tool("update")
    assert (outcome.code, outcome.out) == (0, "Up to date: 2.0.0.\n")


@pytest.mark.parametrize("name", ["dvc.txt", "src/shop/mlops/cli.py"])
def test_uncommitted_changes(refused: Refused, project: Path, name: str) -> None:
    (project / name).write_text("mine\n")
    git("add", name, cwd=project)
    refused("Uncommitted changes", name, "commit or stash")


@pytest.mark.parametrize("ignored", [True, False])
def test_a_file_that_git_does_not_keep_where_the_new_version_has_one(
    refused: Refused, project: Path, ignored: bool
) -> None:
    if ignored:
        (project / ".git" / "info").mkdir(exist_ok=True)
        (project / ".git" / "info" / "exclude").write_text("new.txt\n")
    (project / "new.txt").write_text("precious\n")
    refused("new.txt", "git does not keep")
    (project / "new.txt").unlink()
    (project / "new.txt").symlink_to("nowhere")
    refused("new.txt", "git does not keep")


def test_edits_that_git_was_told_not_to_see(refused: Refused, project: Path) -> None:
    git("update-index", "--skip-worktree", "src/shop/mlops/cli.py", cwd=project)
    (project / "src/shop/mlops/cli.py").write_text("secret work\n")
    refused("src/shop/mlops/cli.py", "git ls-files -v")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("package_name=store", "move src/<old> to src/<new>"),
        ("task=b", "render a new project"),
        ("functionality=old", "render a new project"),
        ("hostng=own", "did you mean hosting?"),
        ("hosting=nowhere", "'nowhere' is none of its choices"),
        ("region=us", "region is not asked"),
    ],
)
def test_answers_that_cannot_change(refused: Refused, answer: str, words: str) -> None:
    refused(words, arguments=("-d", answer))


def test_versions_that_are_not_there_or_older(refused: Refused, tool: Tool, project: Path) -> None:
    refused("no version '7.0.0'", "1.0.0, 2.0.0", arguments=("--to", "7.0.0"))
    refused("no version", arguments=("--to", "--output=/tmp/x"))
    assert tool("update").code == 0
    commit(project)
    refused("newer than what --to names", arguments=("--to", "1.0.0"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("_commit: v1.0.0", "_commit: v6.6.6", "is no version of"),
        ("_commit: v1.0.0", "_commit: --output=x", "is no version of"),
        ("_commit: v1.0.0", "_commit: [a]", "does not say which version"),
        ("_commit: v1.0.0\n", "", "does not say which version"),
        ("_src_path: ", "_src_path: ../", "is relative"),
        ("_src_path: ", "_src_path: /nowhere", "There is no template at /nowhere"),
        ("_src_path: ", "_src_path: 'ext::sh -c \"touch hacked\"'\nx: ", "is relative"),
        ("task: a", "task: {a: b}", "task is not an answer"),
        ("task: a", "task: !!python/object/apply:os.system ['touch hacked']", "is not YAML"),
        ("task: a", "<<<<<<< yours\ntask: a\n=======\n", "conflict markers"),
        ("task: a", "task: z", "task: 'z' is none of its choices; it has a, b; mend it in"),
        ("package_name: shop", "package_name: ../../out", "is forbidden"),
        # An id of two megabytes would not fit into the environment of any process.
        pytest.param("task: a", "task: a\nlong: " + "x" * 2_000_000, "too large", id="huge"),
        ("task: a", "task: a\nday: 2024-13-45", "is not YAML"),
        ("task: a", "task: [a", "is not YAML: line"),
        pytest.param("task: a", "task: a\nmany: " + "9" * 5000, "is not YAML", id="digits"),
        ("task: a", 'task: "\\ud800"', "task is not an answer"),
        ("_commit: v1.0.0", '_commit: "\\ud800"', "_commit is not an answer"),
        pytest.param(
            "_commit: v1.0.0", "_commit: " + "a" * 200_000, "_commit is not an answer", id="long"
        ),
    ],
)
def test_an_answers_file_edited_by_hand(
    refused: Refused, project: Path, old: str, new: str, words: str
) -> None:
    rewrite(project / ANSWERS, old, new)
    commit(project)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        refused(words)
    assert not (project / "hacked").exists()


def test_jinja_in_an_answer_is_only_text(tool: Tool, project: Path) -> None:
    rewrite(project / ANSWERS, "project_name: Shop", "project_name: '{{ 6 * 7 }}'")
    commit(project)
    assert tool("update").code == 0
    assert yaml.safe_load((project / ANSWERS).read_text())["project_name"] == "{{ 6 * 7 }}"


def test_a_link_out_of_the_tree_is_not_followed(
    refused: Refused, project: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    (project / "src/shop/mlops").rename(outside)
    (project / "src/shop/mlops").symlink_to(outside)
    commit(project)
    listing = {path.name: path.read_bytes() for path in outside.iterdir()}
    refused("is a symbolic link")
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == listing


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("moved: {'/plain.py': '../../out.py'}\n", "would leave the repository"),
        ("moved: {'/a': '/.git/hooks/post-commit'}\n", "would leave the repository"),
        ("moved: [a]\n", "renames.yml"),
        ("nonsense: 1\n", "renames.yml"),
        ("moved: {", "renames.yml"),
    ],
)
def test_a_map_of_renames_that_is_wrong(
    refused: Refused, template: Path, content: str, words: str
) -> None:
    (template / "renames.yml").write_text(content)
    git("add", "--all", cwd=template)
    git("commit", "--quiet", "--message", "Bad", cwd=template)
    git("tag", "v3.0.0", cwd=template)
    refused(words)


def test_a_template_that_would_run_code(refused: Refused, template: Path) -> None:
    rewrite(template / "copier.yml", "_subdirectory", "_tasks: ['touch hacked']\n_subdirectory")
    git("commit", "--all", "--quiet", "--message", "Bad", cwd=template)
    git("tag", "v3.0.0", cwd=template)
    refused("wants to run code")


def test_a_shallow_clone_of_the_template(
    refused: Refused, template: Path, project: Path, tmp_path: Path
) -> None:
    address = f"file://{template}"
    git("clone", "--quiet", "--depth=1", address, str(tmp_path / "shallow"), cwd=tmp_path)
    rewrite(project / ANSWERS, str(template), str(tmp_path / "shallow"))
    commit(project)
    refused("is no version of", "shallow")


def test_a_submodule_where_the_template_has_a_file(
    refused: Refused, template: Path, project: Path, tmp_path: Path
) -> None:
    head = git("rev-parse", "HEAD", cwd=template).strip()
    git("rm", "--quiet", "run.sh", cwd=project)
    git("update-index", "--add", "--cacheinfo", f"160000,{head},run.sh", cwd=project)
    git("commit", "--quiet", "--message", "Submodule", cwd=project)
    (project / "run.sh").mkdir()
    refused("run.sh is a submodule")


@pytest.mark.parametrize("place", [".", ".git"])
def test_what_cannot_be_written_is_said_before_anything_is_worked_out(
    refused: Refused, project: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".git/copier-mlops").mkdir(exist_ok=True)
    (project / ".git/copier-mlops/lock").touch()
    # Permissions do not stop root, who runs this in some places.
    closed = (project / place).resolve()
    monkeypatch.setattr(
        os, "access", lambda path, way: not (way & os.W_OK and Path(path).resolve() == closed)
    )
    refused(f"Cannot write in {closed}; mend its permissions, then run this again.")


@pytest.mark.parametrize("kind", ["no repository", "no commit", "no answers", "merging"])
def test_places_that_are_no_rendered_repository(
    tool: Tool, project: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "no repository":
        (project / ".git").rename(tmp_path / "gone")
    elif kind == "no commit":
        git("update-ref", "-d", "HEAD", cwd=project)
    elif kind == "no answers":
        git("rm", "--quiet", ANSWERS, cwd=project)
        commit(project)
    else:
        (project / ".git" / "MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=project))
    before = state_of(project) if kind != "no repository" else None
    outcome = tool("update")
    assert outcome.code == 3, outcome
    assert "Traceback" not in outcome.err
    assert before is None or state_of(project) == before


def test_what_a_machine_configures_changes_nothing(
    tool: Tool, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/hacked\n")
        (hooks / name).chmod(0o755)
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f"[core]\nhooksPath = {hooks}\nautocrlf = false\nquotePath = true\npager = false\n"
        f"fsmonitor = {hooks}/post-checkout\n[commit]\ngpgsign = true\n[tag]\ngpgsign = true\n"
        "[status]\nshowUntrackedFiles = no\nshort = true\n[merge]\nconflictStyle = diff3\n"
        "[diff]\nnoprefix = true\nexternal = false\n[color]\nui = always\n[user]\nname = \n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "template" / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert tool("update").code == 0
    assert "line 15, better" in (project / "src/shop/mlops/cli.py").read_text()
    assert tool("update", "--abort").code == 0
    assert not (tmp_path / "hacked").exists()


def test_a_detached_head_and_a_linked_working_tree_update_as_well(
    tool: Tool, project: Path, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("checkout", "--quiet", "--detach", cwd=project)
    assert tool("update").code == 0
    assert tool("update", "--abort").code == 0
    linked = tmp_path / "linked"
    git("worktree", "add", "--quiet", str(linked), cwd=project)
    monkeypatch.setattr(sys, "argv", ["copier-mlops", "update", str(linked)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert "line 15, better" in (linked / "src/shop/mlops/cli.py").read_text()
    assert (project / "src/shop/mlops/cli.py").read_text() == LINES


def test_work_saved_while_the_update_was_worked_out_is_not_overwritten(
    refused: Refused, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from copier_mlops.updating import apply

    store = apply.store
    cli = project / "src/shop/mlops/cli.py"

    def saved_meanwhile(*arguments: Any) -> Any:
        cli.write_text("an hour of work\n")
        return store(*arguments)

    monkeypatch.setattr(apply, "store", saved_meanwhile)
    before = cli.read_text()
    with pytest.raises(AssertionError):
        refused("changed meanwhile")
    assert cli.read_text() == "an hour of work\n" != before
    assert git("diff", "--cached", "--name-only", cwd=project) == ""


def test_a_persons_own_defaults_do_not_enter_a_render(
    tool: Tool, template: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewrite(template / "copier.yml", "region:", "budget: {type: int, default: 7}\nregion:")
    git("commit", "--all", "--quiet", "--message", "Ask more", cwd=template)
    git("tag", "v3.0.0", cwd=template)
    (tmp_path / "mine.yml").write_text("defaults: {budget: 99}\n")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(tmp_path / "mine.yml"))
    assert tool("update").code == 0
    assert "budget: 7" in (project / ANSWERS).read_text()


def test_a_moved_tag_does_not_move_the_version(tool: Tool, template: Path, project: Path) -> None:
    first = git("rev-parse", "v1.0.0", cwd=template).strip()
    (template / "releases.toml").write_text(f'"1.0.0" = "{first}"\n')
    git("add", "--all", cwd=template)
    git("commit", "--quiet", "--message", "Record", cwd=template)
    git("tag", "--force", "v1.0.0", cwd=template)
    assert tool("update", "--to", "2.0.0").code == 0
    assert "line 15, better" in (project / "src/shop/mlops/cli.py").read_text()


def test_two_updates_at_once_are_refused(refused: Refused, project: Path) -> None:
    from copier_mlops.git import repository_at
    from copier_mlops.repository.one_run import only_one

    with only_one(repository_at(project)):
        refused("Another copier-mlops works")


def test_a_removed_choice_needs_an_answer_or_a_migration(
    refused: Refused, tool: Tool, template: Path, project: Path
) -> None:
    rewrite(project / ANSWERS, "hosting: own", "hosting: moon")
    commit(project)
    rewrite(template / "copier.yml", ", moon]", "]")
    git("commit", "--all", "--quiet", "--message", "No moon", cwd=template)
    git("tag", "v3.0.0", cwd=template)
    refused("'moon' is none of its choices", "give this version an answer with -d")
    assert tool("update", "-d", "hosting=cloud").code == 0
    assert "hosting: cloud" in (project / ANSWERS).read_text()


def test_the_guard_refuses_a_merge_that_loses_a_line(
    refused: Refused, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof is independent of the merge: one that takes the template's side is caught."""
    from copier_mlops.updating import merge

    monkeypatch.setattr(merge, "merge_text", lambda old, own, new, labels: (new, True))
    rewrite(project / "src/shop/mlops/cli.py", "line 3\n", "line 3\nmine\n")
    commit(project)
    refused("would lose lines of src/shop/mlops/cli.py")
