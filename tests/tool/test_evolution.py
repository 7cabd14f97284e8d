"""The rules of evolution: this version is compared with every released one.

A path that went is in renames.yml, a question or choice that went has a migration, every question
has a default, and every released commit exists.
"""

import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier_mlops.rendering.renames import Renames, renames_of
from copier_mlops.rendering.versions import Template, askable, opened, render, resolve
from lifecycle import MANAGED, NEXT, RELEASES, add_version, text_of, versioned_template
from rendering import PROFILES, ROOT, SHOP, git, profile
from running import first_and_repetitions

PART = 9  # lines that stand in one other file only
IMPORTS = (b"import ", b"from ", b"#")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return versioned_template(tmp_path_factory.mktemp("evolution") / "template")


@pytest.fixture(scope="module")
def template(root: Path) -> Iterator[Template]:
    with opened(str(root)) as template:
        yield template


def broken_rules(template: Template, old: str, new: str) -> list[str]:
    """Return what a version breaks for repositories of an older one, in words."""
    before, after = resolve(template, old), resolve(template, new)
    renames = renames_of(template, after, SHOP)
    questions = [render(template, commit, SHOP).questions for commit in (before, after)]
    return [
        *unmapped_paths(template, before, after, renames),
        *moved_in_parts(template, before, after, renames),
        *unmapped_answers(questions[0], questions[1], renames),
    ]


def unmapped_paths(template: Template, before: str, after: str, renames: Renames) -> Iterator[str]:
    """Name paths that went, for every profile, and moves to nowhere."""
    known = {*renames.moved, *renames.split, *renames.removed}
    rendered = set()
    for name in PROFILES:
        answers = {**SHOP, **profile(name)}
        new = render(template, after, answers).files.keys()
        rendered |= new
        gone = render(template, before, answers).files.keys() - new - known
        yield from (f"{path} went and is not in renames.yml" for path in sorted(gone))
    moves = [*renames.moved.items()]
    moves += [(old, place) for old, places in renames.split.items() for place in places]
    for old, target in moves:
        if target not in rendered:
            yield f"{old} moves to {target}, which is not rendered"


def moved_in_parts(template: Template, before: str, after: str, renames: Renames) -> Iterator[str]:
    """Name files that are said to have moved whole and of which other files have a part."""
    old, new = (render(template, commit, SHOP).files for commit in (before, after))
    there = {name: telling_lines(file.content) for name, file in new.items()}
    files_with = Counter(line for lines in there.values() for line in lines)
    for name, target in renames.moved.items():
        if name not in old or target not in there:
            continue
        left = telling_lines(old[name].content) - there[target]
        parts = Counter(
            other
            for line in left
            if files_with[line] == 1
            for other, lines in there.items()
            if line in lines
        )
        yield from (
            f"{name} moves to {target}, and {lines} of its lines are in {other}: it was split"
            for other, lines in parts.items()
            if lines >= PART
        )


def telling_lines(content: bytes) -> set[bytes]:
    """Return the lines of a file that say where they came from."""
    lines = {line.strip() for line in content.split(b"\n")}
    return {line for line in lines if len(line) >= 12 and not line.startswith(IMPORTS)}


def unmapped_answers(
    before: dict[str, Any], after: dict[str, Any], renames: Renames
) -> Iterator[str]:
    """Name questions and choices that went without a migration, and questions without a default."""
    for name, question in before.items():
        if not askable(before, name):
            continue
        target = renames.questions.get(name, name)
        if target is None:
            continue
        if not askable(after, target):
            yield f"the question {name} went"
            continue
        offered = choices(after[target])
        for choice in choices(question):
            if offered and renames.choices.get(target, {}).get(choice, choice) not in offered:
                yield f"the choice {choice} of {name} went"
    for name, question in after.items():
        if "default" not in question:
            yield f"the question {name} has no default"


def choices(question: dict[str, Any]) -> list[Any]:
    """Return the values that a question offers."""
    found = question.get("choices", [])
    return [*found.values()] if isinstance(found, dict) else list(found)


@pytest.mark.parametrize("version", first_and_repetitions(*reversed(RELEASES), kept=2))
def test_no_released_version_is_left_behind(version: str, template: Template) -> None:
    assert broken_rules(template, version, NEXT) == []


def test_each_broken_rule_is_found(root: Path) -> None:
    """The bad case: what the rules forbid, one of each."""
    project = text_of(root, "questions/10-project.yml").replace("project_name", "title", 1)
    platform = text_of(root, "questions/40-platform.yml").replace("    Azure: azure\n", "")
    practice = text_of(root, "questions/60-practice.yml")
    practice += "\nmotto:\n  type: str\n  when: false\n"
    add_version(
        root,
        "95.0.0",
        {
            "template/.editorconfig": None,
            "questions/40-platform.yml": platform,
            "questions/60-practice.yml": practice,
            f"{MANAGED}/core/files.py": None,
            f"{MANAGED}/core/writing.py": text_of(root, f"{MANAGED}/core/files.py"),
            "renames.yml": "moved: {/.dvcignore: /nowhere, "
            "/tools/kit/mlops_kit/core/files.py: /ruff.toml}\n"
            "split: {/dvc.yaml: [/nowhere]}\n",
        },
    )
    with opened(str(root)) as template:
        found = broken_rules(template, NEXT, "95.0.0")
    kit = "tools/kit/mlops_kit/core"
    assert sorted({re.sub(r" \d+ of", " many of", text) for text in found}) == [
        ".dvcignore moves to nowhere, which is not rendered",
        ".editorconfig went and is not in renames.yml",
        "dvc.yaml moves to nowhere, which is not rendered",
        "the choice azure of hosting went",
        "the question motto has no default",
        f"{kit}/files.py moves to ruff.toml, and many of its lines are in {kit}/writing.py: "
        "it was split",
    ]
    before = yaml.safe_load(text_of(root, "questions/10-project.yml"))
    assert [*unmapped_answers(before, yaml.safe_load(project), Renames())][:1] == [
        "the question project_name went"
    ]
    renamed = Renames(questions={"project_name": "title"})
    assert [*unmapped_answers(before, yaml.safe_load(project), renamed)] == []


def release(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    """Run the script of `make release` in a copy of the template."""
    import sys

    command = [sys.executable, str(folder / "scripts" / "release.py"), version, "--no-tests"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def working_copy(root: Path, tmp_path: Path) -> Path:
    """Return a clone at the working tree whose changelog has an entry for 0.99.0."""
    copy = tmp_path / "copy"
    git("clone", "--quiet", "--branch", f"v{NEXT}", str(root), str(copy), cwd=tmp_path)
    changelog = text_of(copy, "CHANGELOG.md")
    changelog = changelog.replace("\n## ", "\n## 0.99.0\n\nMuch.\n\n## ", 1)
    (copy / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    pyproject = text_of(copy, "pyproject.toml")
    pyproject = re.sub('(?m)^version = ".*"$', 'version = "0.99.0"', pyproject)
    (copy / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    git("commit", "--all", "--quiet", "--message", "Ready", cwd=copy)
    return copy


def test_a_release_is_written_down_with_its_commit_and_nothing_is_committed(
    working_copy: Path,
) -> None:
    head = git("rev-parse", "HEAD", cwd=working_copy).strip()
    done = release(working_copy, "0.99.0")
    assert done.returncode == 0, done.stderr
    assert text_of(working_copy, "releases.toml").endswith(f'"0.99.0" = "{head}"\n')
    assert git("rev-parse", "HEAD", cwd=working_copy).strip() == head
    assert git("status", "--porcelain", cwd=working_copy) == " M releases.toml\n"
    assert f"git tag v0.99.0 {head}" in done.stdout


@pytest.mark.parametrize(
    ("version", "change", "words"),
    [
        ("0.99", None, "MAJOR.MINOR.PATCH"),
        ("0.2.0", None, "is not newer than"),
        ("0.98.0", None, "CHANGELOG.md has no entry"),
        ("0.99.0", "pyproject.toml", "uncommitted changes"),
    ],
)
def test_a_release_that_is_not_ready_is_refused(
    working_copy: Path, version: str, change: str | None, words: str
) -> None:
    if change:
        with (working_copy / change).open("a") as file:
            file.write("# work\n")
    before = text_of(working_copy, "releases.toml")
    done = release(working_copy, version)
    assert done.returncode == 3
    assert words in done.stderr
    assert text_of(working_copy, "releases.toml") == before


def test_the_versions_are_there(template: Template, figure: Callable[[str], None]) -> None:
    assert {*RELEASES, NEXT} <= template.versions.keys()
    assert all(template.versions[name] == commit for name, commit in RELEASES.items())
    assert (ROOT / "renames.yml").is_file()
    figure(f"evolution: {len(RELEASES)} released versions x {len(PROFILES)} profiles")
