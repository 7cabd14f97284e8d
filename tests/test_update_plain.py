"""Plain ``copier update``, as Renovate runs it, where the team deleted rendered files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from copier._main import Worker
from copier_mlops.update import update
from copier_mlops.versions import opened, render, resolve
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from lifecycle import NEXT, add_version, commit, repository, text_of, tracked, versioned_template
from rendering import ROOT, SHOP, git

AFTER = "92.0.0"
NOTE = "# A later version of the template says this.\n"
MINE = "\n# The team's own line.\n"
ANSWERS = ".copier-answers.yml"
RELEASED = "0.3.0"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the template with a version after the next; it changes managed and seeded files."""
    root = versioned_template(tmp_path_factory.mktemp("versions") / "template")
    changed = ["template/dvc.yaml.jinja", "template/ruff.toml", "template/params.yaml.jinja"]
    add_version(root, AFTER, {name: NOTE + text_of(root, name) for name in changed})
    return root


@pytest.fixture(scope="module")
def seeded(template: Path) -> Iterator[frozenset[str]]:
    """Return the paths that the template leaves to the team, as the lifecycle tool reads them."""
    with opened(str(template)) as versions:
        yield render(versions, resolve(versions, AFTER), SHOP).seeded


def half_deleted(project: Path, parity: int) -> tuple[set[str], set[str]]:
    """Delete every second rendered file and edit the others; return both sets of names."""
    names = sorted(name for name in tracked(project) if name != ANSWERS)
    deleted, edited = set(names[parity::2]), set(names[1 - parity :: 2])
    for name in deleted:
        (project / name).unlink()
    for name in edited:
        with (project / name).open("a", encoding="utf-8") as file:
            file.write(MINE)
    commit(project)
    return deleted, edited


@pytest.mark.parametrize("conflict", ["inline", "rej"])
@pytest.mark.parametrize("parity", [0, 1])
def test_each_rendered_file_may_be_deleted_or_edited_before_a_plain_update(
    template: Path,
    seeded: frozenset[str],
    parity: int,
    conflict: Any,
    tmp_path: Path,
) -> None:
    """Two halves: each seeded and each managed file is deleted in one and edited in the other."""
    project = repository(template, tmp_path / "p", NEXT, {})
    deleted, edited = half_deleted(project, parity)
    assert deleted & seeded
    assert deleted - seeded
    before = tracked(project)
    copier.run_update(project, defaults=True, overwrite=True, quiet=True, conflict=conflict)
    after = tracked(project)
    assert f"v{AFTER}" in after[ANSWERS].decode()
    assert {name for name in edited & seeded if after[name] != before[name]} == set()
    assert {n for n in edited - seeded if n in after and MINE.encode() not in after[n]} == set()
    assert {name for name in after if name.endswith(".rej") and name[:-4] in seeded} == set()
    # Copier's own rule: files that are only written once come back "even if deleted intentionally".
    assert deleted & after.keys() == deleted & seeded
    changed = {name for name in ("dvc.yaml", "ruff.toml") if name in edited}
    assert {name for name in changed if NOTE.encode() not in after[name]} == set()


@pytest.mark.parametrize("parity", [0, 1])
def test_the_tools_update_creates_no_deleted_file_again(
    template: Path, parity: int, tmp_path: Path
) -> None:
    project = repository(template, tmp_path / "p", NEXT, {})
    deleted, edited = half_deleted(project, parity)
    changed = {"dvc.yaml", "ruff.toml", "params.yaml"} & deleted
    report, _ = update(project, lock=False)
    assert deleted & set(tracked(project)) - set(report.merged.conflicts) == set()
    assert set(report.merged.conflicts) | set(report.merged.notes) <= changed | {ANSWERS}
    assert edited <= set(tracked(project))


def test_a_plain_update_from_the_release_with_the_crash_reads_the_new_list(
    template: Path, tmp_path: Path
) -> None:
    """Copier asks the list of the version it updates to, so the mend reaches old repositories."""
    project = repository(template, tmp_path / "p", RELEASED, {})
    old = git("show", f"v{RELEASED}:copier.yml", cwd=template)
    assert "/src/{{ package_name }}/model.py" in old
    git("rm", "--quiet", "notebooks/start.ipynb", cwd=project)
    commit(project)
    copier.run_update(project, defaults=True, overwrite=True, quiet=True)
    assert f"v{AFTER}" in (project / ANSWERS).read_text(encoding="utf-8")


def settings() -> dict[str, Any]:
    """Return Copier's own settings of the template, without the questions."""
    text = (ROOT / "copier.yml").read_text(encoding="utf-8").split("\n---\n")[0]
    return {name: value for name, value in yaml.safe_load(text).items() if name != "_envops"}


@pytest.mark.parametrize("name", settings())
def test_every_setting_can_be_rendered_before_there_is_an_answer(name: str) -> None:
    value = settings()[name]
    given = {"_copier_conf": {"dst_path": "shop"}, "_copier_operation": "update"}
    for text in value if isinstance(value, list) else [value]:
        rendered = SandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(**given)
        assert "{{" not in rendered


def test_the_list_of_seeds_is_the_same_with_and_without_answers(tmp_path: Path) -> None:
    """Without answers the package is any one; then nothing but the package's place may differ."""
    bare = Worker(src_path=str(ROOT), dst_path=tmp_path)
    patterns = [bare._render_string(text) for text in settings()["_skip_if_exists"]]
    named = [
        SandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(**SHOP)
        for text in settings()["_skip_if_exists"]
    ]
    assert [re.sub(r"^/src/\*/", "/src/shop/", pattern) for pattern in patterns] == named
    assert not bare.match_skip(Path("src/shop/mlops/model.py"))
    assert bare.match_skip(Path("src/shop/model.py"))
