"""Every pair of answers renders to a repository that passes the static checks."""

import re
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from answer_matrix import pairs_in, possible_pairs, rows
from processes import run
from rendering import PROFILES, ROOT, SHOP, files_of, parse_text, profile, render

# One process renders the rows once, whatever the number of test workers.
pytestmark = pytest.mark.xdist_group("matrix")

WINDOWS_DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{name}{digit}" for name in ("com", "lpt") for digit in range(1, 10)
}
Projects = dict[Path, dict[str, bytes]]


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Projects:
    """Return every row of the matrix and every profile, rendered, with their files."""
    root = tmp_path_factory.mktemp("matrix")
    answers = {f"row{index:02}": row for index, row in enumerate(rows())}
    answers |= {name: profile(name) for name in PROFILES}
    return {
        project: files_of(project)
        for project in (render(root / name, {**SHOP, **given}) for name, given in answers.items())
    }


def test_the_matrix_covers_every_pair_of_answers(figure: Callable[[str], None]) -> None:
    started = time.perf_counter()
    matrix = rows()
    covered = {pair for row in matrix for pair in pairs_in(row)}
    missed = set(possible_pairs()) - covered
    seconds = time.perf_counter() - started
    figure(
        f"answer matrix: {len(matrix)} rows, {len(possible_pairs())} pairs, "
        f"{len(missed)} missed, {seconds:.1f} s to compute"
    )
    assert not missed
    assert covered <= set(possible_pairs())


def test_every_row_renders(
    projects: Projects, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    started = time.process_time()
    render(tmp_path / "once_more", SHOP)
    seconds = time.process_time() - started
    sizes = [len(files) for files in projects.values()]
    figure(
        f"renders: {len(sizes)} projects of {min(sizes)} to {max(sizes)} files, "
        f"{seconds:.2f} CPU-s for one more"
    )
    assert len(projects) == len(rows()) + len(PROFILES)


def test_no_jinja_is_left(projects: Projects) -> None:
    # GitHub's own expressions start with a dollar sign; an f-string's doubled brace has no space.
    opener = re.compile(rb"(?<!\$)\{\{-? .*\}\}|\{%-? ")
    left = {
        name
        for files in projects.values()
        for name, content in files.items()
        if opener.search(content)
    }
    # Pages are templates of the kit's own, and rules of Prometheus': copied byte for byte.
    kit = "tools/kit/mlops_kit"
    pages = {
        f"{kit}/{room}/page.html"
        for room in (
            *("compare/manifest", "compare/profile", "compare/report"),
            *("govern/brief", "operate/demo", "operate/monitor"),
        )
    }
    pages |= {f"{kit}/operate/{room}/rules.yml" for room in ("monitor", "serve")}
    pages |= {f"{kit}/compare/report/base.html"}
    documents = (ROOT / "template" / kit / "govern/pages").rglob("*.*")
    pages |= {
        path.relative_to(ROOT / "template").as_posix()
        for path in documents
        if opener.search(path.read_bytes())
    }
    assert left == pages
    for page in pages:
        template = (ROOT / "template" / page).read_bytes()
        assert all(files.get(page, template) == template for files in projects.values())


def test_every_file_parses(projects: Projects) -> None:
    for files in projects.values():
        for name, content in files.items():
            assert parse_text(name, content) is not None


def test_every_file_ends_with_one_newline_and_has_unix_line_endings(projects: Projects) -> None:
    for project, files in projects.items():
        for name, content in files.items():
            where = f"{project.name}/{name}"
            assert b"\r" not in content, where
            assert not content or content.endswith(b"\n"), where
            assert not content.endswith(b"\n\n"), where
            assert not re.search(rb"[ \t]\n", content) or name.endswith(".md"), where


def test_file_names_are_legal_on_windows(projects: Projects) -> None:
    for files in projects.values():
        folded = [name.casefold() for name in files]
        assert len(folded) == len(set(folded)), "two names differ only by case"
        for name in files:
            assert len(name) < 120, name
            for part in name.split("/"):
                assert not re.search(r'[<>:"|?*\\\x00-\x1f]', part), name
                assert not part.endswith((".", " ")), name
                assert part.split(".")[0].casefold() not in WINDOWS_DEVICES, name
                assert unicodedata.is_normalized("NFC", part), name


def test_file_names_of_the_template_are_legal_on_windows() -> None:
    for path in (ROOT / "template").rglob("*"):
        assert not re.search(r'[<>:"|?*\\]', path.name), path


def test_every_project_passes_its_own_linter(projects: Projects) -> None:
    root = next(iter(projects)).parent
    for command in (["check"], ["format", "--check"]):
        done = run(["ruff", *command, "--no-cache", "--output-format=concise", "."], root)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_every_project_passes_the_type_checker(
    projects: Projects, figure: Callable[[str], None]
) -> None:
    """Projects with the same Python and the same settings are checked once."""
    different: dict[str, Path] = {}
    for project, files in projects.items():
        digest = sha256()
        for name, content in files.items():
            if name.endswith(".py") or name == "pyproject.toml":
                table = (
                    content.split(b"[tool.pyrefly]")[-1] if name == "pyproject.toml" else content
                )
                digest.update(name.encode() + table)
        different.setdefault(digest.hexdigest(), project)
    started = time.perf_counter()
    for project in different.values():
        done = run(["pyrefly", "check", "--python-interpreter-path", python()], project)
        assert done.returncode == 0, f"{project.name}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    figure(f"types: {len(different)} different projects, {time.perf_counter() - started:.1f} s")


def python() -> str:
    """Return this interpreter: its environment has what the rendered code imports."""
    return sys.executable


def test_the_lock_fits_every_project(projects: Projects, figure: Callable[[str], None]) -> None:
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        for project, done in zip(projects, pool.map(lock_check, projects), strict=True):
            assert done.returncode == 0, f"{project.name}: {done.stderr}"
    figure(f"uv lock --check: {len(projects)} projects, {time.perf_counter() - started:.1f} s")


def lock_check(project: Path) -> subprocess.CompletedProcess[str]:
    return run(["uv", "lock", "--check"], project)


def test_the_lock_check_notices_a_changed_dependency(projects: Projects, tmp_path: Path) -> None:
    project = render(tmp_path / "p", SHOP)
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    changed = text.replace('name = "shop"', 'name = "shop2"')
    assert changed != text
    (project / "pyproject.toml").write_text(changed, encoding="utf-8")
    assert lock_check(project).returncode != 0


def answers_for(names: list[str]) -> dict[str, Any]:
    merged: dict[str, Any] = dict(SHOP)
    for name in names:
        merged |= profile(name)
    return merged


def test_a_poc_graduates_to_what_a_fresh_render_gives(tmp_path: Path) -> None:
    """What stage=poc leaves out is additive: but for its page, no file exists only in a PoC.

    That page is the team's: tests/tool/test_update_work.py says that updating leaves it there.
    """
    small = files_of(render(tmp_path / "poc", answers_for(["poc"])))
    large = files_of(render(tmp_path / "team", answers_for(["poc", "team"])))
    assert set(small) - set(large) == {"docs/poc.md"}
