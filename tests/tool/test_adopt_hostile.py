"""Adoption of repositories in a bad or strange state: refused in one sentence, or harmless."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from adoption import adopted, committed, on_disk
from copier_mlops.adopting.adopt import BRANCH
from copier_mlops.cli import main
from lifecycle import state_of
from rendering import git
from shapes import build, build_shape

BAD_INPUT = 3


def commit_all(top: Path) -> None:
    git("add", "--all", cwd=top)
    git("commit", "--quiet", "--message", "More", cwd=top)


def no_commits(top: Path) -> None:
    (top / ".git").rename(top.parent / "old")
    git("init", "--quiet", cwd=top)


def detached(top: Path) -> None:
    git("switch", "--quiet", "--detach", cwd=top)


def dirty(top: Path) -> None:
    (top / "a.py").write_text("X = 2\n", encoding="utf-8")


def staged(top: Path) -> None:
    dirty(top)
    git("add", "a.py", cwd=top)


def in_a_merge(top: Path) -> None:
    (top / ".git" / "MERGE_HEAD").write_text(git("rev-parse", "HEAD", cwd=top), encoding="utf-8")


def branch_exists(top: Path) -> None:
    git("branch", BRANCH, cwd=top)


def source_is_a_link(top: Path) -> None:
    (top.parent / "outside").mkdir()
    (top / "src").symlink_to(top.parent / "outside")
    commit_all(top)


def source_is_an_ignored_link(top: Path) -> None:
    (top.parent / "outside").mkdir()
    (top / ".git" / "info" / "exclude").write_text("src\n", encoding="utf-8")
    (top / "src").symlink_to(top.parent / "outside")


def source_is_a_file(top: Path) -> None:
    (top / "src").write_text("text\n", encoding="utf-8")
    commit_all(top)


def source_is_a_submodule(top: Path) -> None:
    build(top.parent / "other", {"x.py": "X = 1\n"})
    command = ("-c", "protocol.file.allow=always", "submodule", "add", "--quiet")
    git(*command, str(top.parent / "other"), "src", cwd=top)
    commit_all(top)


def pyproject_is_a_link(top: Path) -> None:
    (top / "pyproject.toml").symlink_to("/etc/hostname")
    commit_all(top)


def pyproject_is_broken(top: Path) -> None:
    (top / "pyproject.toml").write_text("[project\n", encoding="utf-8")
    commit_all(top)


def pyproject_is_huge(top: Path) -> None:
    (top / "pyproject.toml").write_text("# x\n" * 300_000, encoding="utf-8")
    commit_all(top)


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "no commits": (no_commits, "no commit yet"),
    "detached": (detached, "detached HEAD"),
    "dirty": (dirty, "uncommitted changes (a.py, 1 in all)"),
    "staged": (staged, "uncommitted changes"),
    "merging": (in_a_merge, "MERGE_HEAD"),
    "branch": (branch_exists, f"branch {BRANCH} exists"),
    "link": (source_is_a_link, "`src` is a file, a link or a submodule"),
    "ignored link": (source_is_an_ignored_link, "`src` is an untracked file or link"),
    "file": (source_is_a_file, "`src` is a file, a link or a submodule"),
    "submodule": (source_is_a_submodule, "`src` is a file, a link or a submodule"),
    "pyproject link": (pyproject_is_a_link, "make it a plain file"),
    "pyproject broken": (pyproject_is_broken, "not valid TOML"),
    "pyproject huge": (pyproject_is_huge, "too large"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_adopted_is_refused_in_one_sentence(
    name: str,
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil, sentence = REFUSED[name]
    # Another package would have no more room in a src that is no folder.
    refused_cure = "package_name" if sentence.startswith("`src`") else "no such words"
    top = build(tmp_path / "área de trabajo", {"a.py": "X = 1\n"})
    spoil(top)
    before, around = state_of(top), on_disk(tmp_path)
    command = ["copier-mlops", "adopt", str(top), "--template", str(template), "--defaults"]
    monkeypatch.setattr(sys, "argv", [*command, "--no-lock"])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == BAD_INPUT
    assert printed.out == ""
    assert sentence in printed.err
    assert refused_cure not in printed.err
    said = printed.err.strip().splitlines()
    assert len([line for line in said if not line.startswith("Newest version: ")]) == 1
    assert state_of(top) == before
    assert on_disk(tmp_path) == around


def test_a_missing_folder_and_an_unknown_answer_are_sentences(
    template: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    top = build(tmp_path / "r", {"a.py": ""})
    git("init", "--quiet", "--bare", "bare.git", cwd=tmp_path)
    for arguments, sentence in {
        (str(tmp_path / "none"), "--defaults"): "There is no folder",
        (str(tmp_path), "--defaults"): "in no git repository",
        (str(tmp_path / "bare.git"), "--defaults"): "is a bare repository; clone it",
        (str(top), "--defaults", "-d", "tsk=x"): "did you mean task?",
        (str(top), "--defaults", "-d", "project_slug=x"): "follows from the other answers",
        (str(top), "--defaults", "-d", "project_name={{ 1/0 }}\x07"): "ordinary characters",
        (str(top), "--defaults", "--to", "9.9"): "has no version",
        (str(top),): "add --defaults",
        (str(top), "--abort"): "no adoption to undo",
    }.items():
        monkeypatch.setattr(
            sys, "argv", ["copier-mlops", "adopt", *arguments, "--template", str(template)]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == BAD_INPUT
        assert sentence in capsys.readouterr().err
    assert git("branch", "--list", BRANCH, cwd=top) == ""


def test_jinja_in_what_is_found_is_never_rendered(template: Path, tmp_path: Path) -> None:
    title = "{{ self.__init__.__globals__ }} {% for x in range(9) %}x{% endfor %}"
    top = build(tmp_path / "r", {"README.md": f"# {title}\n"})
    assert adopted(top, template).answers["project_name"].answer == title
    assert title in (top / "conf" / "base.yaml").read_text(encoding="utf-8")


def test_nobodys_hooks_signatures_or_filters_join_in(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = build_shape(tmp_path / "r", "own_workflows")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    trap = tmp_path / "sprung"
    for hook in ("pre-commit", "post-checkout", "post-commit", "reference-transaction"):
        (hooks / hook).write_text(f"#!/bin/sh\ntouch '{trap}'\n", encoding="utf-8")
        (hooks / hook).chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[core]\n\thooksPath = {hooks}\n\tfsmonitor = {hooks / 'pre-commit'}\n\tautocrlf = true\n"
        "[commit]\n\tgpgsign = true\n[gpg]\n\tprogram = /bin/false\n"
        '[filter "trap"]\n\tclean = touch {trap}\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    adopted(top, template)
    assert not trap.exists()
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    assert git("status", "--porcelain", cwd=top) == ""


def test_paths_that_git_would_filter_are_left_out(template: Path, tmp_path: Path) -> None:
    top = build(tmp_path / "r", {".gitattributes": "*.ipynb filter=lfs\n", "a.py": "\n"})
    adoption = adopted(top, template)
    (left,) = [c for c in adoption.changes if c.path == "notebooks/start.ipynb"]
    assert left.action == "left out"
    assert "lfs" in left.why
    assert (top / ".gitattributes").read_text(encoding="utf-8").endswith("*.ipynb filter=lfs\n")


def test_links_and_twins_are_left_alone(template: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    top = build(tmp_path / "r", {"Params.yaml": "a: 1\n", "dvc.yaml/x": "x\n", "a.py": "\n"})
    (top / "conf").symlink_to(tmp_path / "outside")
    (top / ".gitignore").symlink_to(tmp_path / "outside" / "rules")
    commit_all(top)
    before = committed(top)
    changes = {change.path: change for change in adopted(top, template).changes}
    assert list((tmp_path / "outside").iterdir()) == []
    assert "`conf` is a file, a link" in changes["conf/base.yaml"].why
    assert "`Params.yaml`" in changes["params.yaml"].why
    assert changes["dvc.yaml"].why == "you have a folder of that name"
    assert changes[".gitignore"].action == "kept"
    assert (top / ".gitignore").is_symlink()
    assert {name: committed(top)[name] for name in before} == before


def test_a_name_that_is_no_text_is_shown_as_well_as_it_can_be(
    template: Path, tmp_path: Path
) -> None:
    folder = build(tmp_path / "r", {"a.py": "\n"})
    (folder / os.fsdecode(b"mod\xe9l.pkl")).write_text("x", encoding="utf-8")
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--amend", "--no-edit", cwd=folder)
    assert adopted(folder, template).answers["functionality"].answer == "existing_model"
    assert "mod?l.pkl" in (folder / "ADOPTION.md").read_text(encoding="utf-8")


def test_sphinx_gets_no_page_that_it_would_refuse(template: Path, tmp_path: Path) -> None:
    files = {"docs/conf.py": "extensions = ['myst_parser']\n", "docs/index.md": "# Docs\n"}
    folder = build(tmp_path / "r", files)
    adopted(folder, template)
    pages = {path.name for path in (folder / "docs").glob("*.md")}
    assert pages == {"index.md"}
    assert (folder / "docs" / "bring-your-own-data.md.template").is_file()


def test_a_shallow_clone_is_adopted_too(template: Path, tmp_path: Path) -> None:
    origin = build(tmp_path / "origin", {"a.py": "\n"})
    (origin / "b.py").write_text("\n", encoding="utf-8")
    commit_all(origin)
    git("clone", "--quiet", "--depth", "1", origin.as_uri(), str(tmp_path / "r"), cwd=tmp_path)
    adopted(tmp_path / "r", template)
    assert len(git("log", "--format=%h", cwd=tmp_path / "r").splitlines()) == 3


def test_a_linked_worktree_is_adopted_alone(template: Path, tmp_path: Path) -> None:
    top = build(tmp_path / "r", {"a.py": "\n"})
    git("worktree", "add", "--quiet", "-b", "other", str(tmp_path / "w"), cwd=top)
    before = state_of(top)["files"]
    adopted(tmp_path / "w", template)
    assert state_of(top)["files"] == before
    assert git("branch", "--show-current", cwd=tmp_path / "w").strip() == BRANCH


def test_staged_work_elsewhere_in_a_monorepo_is_not_swept_in(
    template: Path, tmp_path: Path
) -> None:
    folder = build_shape(tmp_path / "r", "monorepo")
    (tmp_path / "r" / "README.md").write_text("# Staged\n", encoding="utf-8")
    git("add", "README.md", cwd=tmp_path / "r")
    with pytest.raises(Exception, match="uncommitted changes"):
        adopted(folder, template)


def test_git_variables_of_a_hook_do_not_send_it_elsewhere(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = build(tmp_path / "other", {"a.py": "\n"})
    before = state_of(other)
    top = build(tmp_path / "r", {"a.py": "\n"})
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    command = ["copier-mlops", "adopt", str(top), "--template", str(template), "--defaults"]
    monkeypatch.setattr(sys, "argv", [*command, "--no-lock"])
    with pytest.raises(SystemExit):
        main()
    for name in ("GIT_DIR", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert state_of(other) == before
    assert git("branch", "--show-current", cwd=top).strip() == BRANCH
    assert "GIT_DIR" not in os.environ
