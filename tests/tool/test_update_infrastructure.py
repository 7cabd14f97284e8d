"""An update that brings infra/: whoever had such files keeps them, whichever way they update."""

from collections.abc import Iterator
from pathlib import Path

import copier
import pytest
import yaml
from copier_mlops.errors import ToolError
from copier_mlops.updating.update import update
from lifecycle import NEXT, RELEASES, commit, memoised_versions, repository, versioned_template
from rendering import SHOP, git, profile
from running import first_and_repetitions

OWN = {
    "infra/Dockerfile": b"FROM ours\n",
    "infra/compose.yaml": b"services: {ours: {image: ours}}\n",
    "infra/README.md": b"# How we deploy\n",
    ".github/workflows/release.yml": b"name: release\non: push\njobs: {}\n",
    ".devcontainer/devcontainer.json": b"{}\n",
    "Dockerfile": b"FROM ours\n",
    ".dockerignore": b"ours\n",
}
IGNORED = "infra/start.sh"
# The releases that render no infrastructure.
WITHOUT = list(RELEASES)[: list(RELEASES).index("0.6.0")]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = versioned_template(tmp_path_factory.mktemp("versions") / "template")
    with memoised_versions(root):
        yield root


def with_own_files(project: Path) -> Path:
    """Give a repository deployment files of its own."""
    for name, content in OWN.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(content)
    commit(project)
    return project


def with_an_ignored_file(project: Path) -> bytes:
    """Give a repository a file that git does not keep, where the new version has one."""
    (project / ".git/info/exclude").write_text(f"/{IGNORED}\n", encoding="utf-8")
    content = b"#!/bin/sh\n# ours, and on this machine alone\n"
    (project / IGNORED).write_bytes(content)
    return content


@pytest.mark.parametrize("way", ["tool", "copier"])
@pytest.mark.parametrize("version", first_and_repetitions(*reversed(WITHOUT)))
def test_own_files_of_deployment_stay_and_new_ones_come_beside_them(
    version: str, way: str, template: Path, tmp_path: Path
) -> None:
    project = with_own_files(repository(template, tmp_path / "p", version, SHOP))
    if way == "tool":
        report, _ = update(project, lock=False)
        assert report.merged.conflicts == {}
    else:
        ignored = with_an_ignored_file(project)
        copier.run_update(project, defaults=True, overwrite=True, quiet=True)
        assert (project / IGNORED).read_bytes() == ignored
    assert not git("ls-files", "--unmerged", cwd=project)
    for name, content in OWN.items():
        assert (project / name).read_bytes() == content, name
    assert not list(project.rglob("*.rej"))
    for name in ("infra/Dockerfile.dockerignore", "infra/basic_auth.ini"):
        assert (project / name).is_file()
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert f"{answers['_commit']}".startswith(f"v{NEXT}")
    assert answers["infrastructure"] == ["image", "compose"]


def test_the_tool_refuses_to_write_over_what_git_does_not_keep(
    template: Path, tmp_path: Path
) -> None:
    project = with_own_files(repository(template, tmp_path / "p", WITHOUT[-1], SHOP))
    ignored = with_an_ignored_file(project)
    with pytest.raises(ToolError, match=r"new version has infra/start\.sh, and files"):
        update(project, lock=False)
    assert (project / IGNORED).read_bytes() == ignored


def test_a_proof_of_concept_gets_infrastructure_when_it_graduates(
    template: Path, tmp_path: Path
) -> None:
    answers = {**SHOP, **profile("poc")}
    project = repository(template, tmp_path / "p", WITHOUT[-1], answers)
    update(project, lock=False)
    assert not (project / "infra").exists()
    commit(project)
    update(project, given={"stage": "production"}, lock=False)
    assert (project / "infra/Dockerfile").is_file()
    assert (project / ".github/workflows/release.yml").is_file()


def test_a_source_that_is_answered_later_brings_its_page_and_no_answer_takes_it_away(
    template: Path, tmp_path: Path
) -> None:
    project = repository(template, tmp_path / "p", NEXT, SHOP)
    pages = [project / f"docs/{name}.md" for name in ("databases", "buckets", "media")]
    assert not any(page.exists() for page in pages)
    for sources in ("[sample, mongodb, bucket, audio]", "[sample]"):
        report, _ = update(project, to=NEXT, given={"data_sources": sources}, lock=False)
        assert report.merged.conflicts == {}
        assert all(page.is_file() for page in pages)
        commit(project)


@pytest.mark.parametrize("typed", [{}, {"description": "A model of ours", "owner": "Ana"}])
def test_no_update_changes_what_was_answered_when_the_language_changes(
    typed: dict[str, str], template: Path, tmp_path: Path
) -> None:
    project = repository(template, tmp_path / "p", NEXT, SHOP | typed)
    before = answers_of(project)
    for language in ("es", "en"):
        update(project, to=NEXT, given={"docs_language": language}, lock=False)
        assert answers_of(project) == before | {"docs_language": language}
        commit(project)


def answers_of(project: Path) -> dict[str, object]:
    return yaml.safe_load((project / ".copier-answers.yml").read_text(encoding="utf-8"))
