"""An untouched repository, updated from any version, equals a fresh render but for its seeds."""

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier_mlops.rendering.versions import Rendered, resolve
from copier_mlops.updating import update as update_module
from copier_mlops.updating.update import update
from lifecycle import (
    ANSWER_SETS,
    ARTIFICIAL,
    BEFORE_THE_KIT,
    BINARY,
    NEXT,
    RELEASES,
    SECOND_PICTURE,
    commit,
    memoised_versions,
    repository,
    tracked,
    versioned_template,
    with_artificial_versions,
)
from rendering import SHOP, git
from running import first_and_repetitions

VERSIONS = [*RELEASES, NEXT, BINARY]
PAIRS = list(product(range(len(VERSIONS)), range(len(ANSWER_SETS))))
# Each version with one set of answers first, and each set at least once.
PAIRS.sort(key=lambda pair: pair[0] % len(ANSWER_SETS) != pair[1])
CASES = first_and_repetitions(
    *((VERSIONS[version], [*ANSWER_SETS][answers]) for version, answers in PAIRS),
    kept=len(VERSIONS),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the template with two artificial versions, the second with every kind of change."""
    root = versioned_template(tmp_path_factory.mktemp("versions") / "template")
    with memoised_versions(with_artificial_versions(root)):
        yield root


@pytest.fixture(scope="module")
def fresh_render(template: Path) -> Iterator[Callable[[Mapping[str, Any]], Rendered]]:
    """Return a function that renders the last version with given answers."""
    with update_module.opened(str(template)) as versions:
        commit = resolve(versions, ARTIFICIAL)
        yield lambda answers: update_module.render(versions, commit, answers)


@pytest.mark.parametrize(("version", "answers"), CASES)
def test_an_untouched_repository_becomes_a_fresh_render(
    version: str,
    answers: str,
    template: Path,
    fresh_render: Callable[[Mapping[str, Any]], Rendered],
    tmp_path: Path,
) -> None:
    project = repository(template, tmp_path / "p", version, ANSWER_SETS[answers])
    before = tracked(project)
    report, _ = update(project, lock=False)
    assert report.merged.conflicts == {}
    stored = yaml.safe_load(before[".copier-answers.yml"].decode())
    # The seeded notebook imports the package's old name, which the team's new file keeps working.
    old_names = f"src/{stored['package_name']}/mlops/__init__.py"
    crosses = version in BEFORE_THE_KIT
    assert report.merged.notes.keys() == ({old_names} if crosses else set())
    assert report.moved_code is crosses
    left = set()
    if stored["hosting"] == "azure":
        stored["hosting"] = "on_premises"
        left = {"infra/azure/lifecycle.json"}  # theirs, like all of infra/: nothing takes it away
    given = {name: value for name, value in stored.items() if not name.startswith("_")}
    runs_in = ["image", "compose" if stored["hosting"] == "on_premises" else "kubernetes"]
    asked = {} if stored["stage"] == "poc" else {"infrastructure": runs_in}
    # Asked by newer versions, in this order.
    new: dict[str, Any] = {"kit": "tools/kit", **asked, "ai_governance": False, "review_days": 14}
    fresh = fresh_render({**given, **{name: new[name] for name in new if name not in given}})
    after = tracked(project)
    if crosses:
        assert "notebooks/start.ipynb" in report.merged.notes[old_names]
        assert after.pop(old_names).startswith(b'"""The template\'s modules under their old names.')
    assert left & before.keys() <= after.keys()
    after = {name: content for name, content in after.items() if name not in left}
    moved = {"conf/common.yaml": "conf/base.yaml"}
    expected = {
        name: before.get(moved.get(name, name), file.content)
        if name in fresh.seeded
        else file.content
        for name, file in fresh.files.items()
    }
    assert {n for n in after.keys() | expected.keys() if after.get(n) != expected.get(n)} == set()
    assert after["logo.png"] == SECOND_PICTURE
    assert "tools/kit/mlops_kit/cli.py" in after
    assert git("diff", "--name-only", cwd=project) == "", "what is staged is not what is on disk"


def test_a_second_update_has_nothing_to_do(template: Path, tmp_path: Path) -> None:
    project = repository(template, tmp_path / "p", NEXT, {})
    assert not update(project, lock=False)[0].is_empty
    commit(project)
    before = tracked(project)[".copier-answers.yml"]
    again = update(project, lock=False)[0]
    assert again.is_empty, (before, tracked(project)[".copier-answers.yml"])


def test_every_version_on_the_way_gives_the_same_as_one_leap(
    template: Path, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    oldest = next(iter(RELEASES))
    leap = repository(template, tmp_path / "leap", oldest, {})
    update(leap, lock=False)
    steps = repository(template, tmp_path / "steps", oldest, {})
    for version in [*list(RELEASES)[1:], NEXT, BINARY, ARTIFICIAL]:
        update(steps, to=version, lock=False)
        commit(steps)
    managed = {name for name in tracked(leap) if not name.startswith(("conf/", "docs/", "tests/"))}
    managed -= {"README.md", "AGENTS.md", "uv.lock", "params.yaml", "CHANGELOG.md"}
    managed -= {"src/shop/mlops/__init__.py"}  # the team's, from the version that wrote it
    one, other = tracked(leap), tracked(steps)
    answers = ".copier-answers.yml"
    assert one[answers] == other[answers]
    assert {name for name in managed if one[name] != other.get(name)} == set()
    figure(f"update fixpoint: {len(RELEASES) + 2} versions x {len(ANSWER_SETS)} answer sets")


def test_answers_may_change_on_the_way(template: Path, tmp_path: Path) -> None:
    project = repository(template, tmp_path / "p", NEXT, {**SHOP, "stage": "poc"})
    assert not (project / "conf" / "prod.yaml").exists()
    report, _ = update(project, to=NEXT, given={"stage": "production"}, lock=False)
    assert "conf/prod.yaml" in report.merged.added
    assert "stage: production" in (project / ".copier-answers.yml").read_text(encoding="utf-8")
