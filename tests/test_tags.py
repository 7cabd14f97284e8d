"""Which tags of a template are versions, which one is taken, and that a person is told."""

from pathlib import Path

import pytest
from copier_mlops.drift import drift
from copier_mlops.errors import ToolError
from copier_mlops.new import create
from copier_mlops.update import update
from copier_mlops.versions import opened, resolve
from lifecycle import repository
from rendering import git
from tiny_template import second_version, tiny_project, tiny_template


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a template with 1.0.0 and 2.0.0, and a commit after them."""
    root = tiny_template(tmp_path / "template")
    second_version(root)
    git("commit", "--quiet", "--allow-empty", "--message", "Later", cwd=root)
    return root


def commit_at(template: Path, revision: str) -> str:
    return git("rev-parse", f"{revision}^{{commit}}", cwd=template).strip()


def test_a_stray_number_is_no_release_and_is_named(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git("tag", "20251231", cwd=template)
    project = tiny_project(template, tmp_path / "p")
    report, _ = update(project, lock=False)
    said = capsys.readouterr().err
    assert report.after == "2.0.0"
    assert "tags not read as versions: 20251231. Taking 2.0.0." in said


def test_only_prefixed_tags_announce_the_unreleased_commit(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for version in ("1.0.0", "2.0.0"):
        git("tag", f"template-v{version}", f"v{version}", cwd=template)
        git("tag", "--delete", f"v{version}", cwd=template)
    made = create(tmp_path / "new", template=str(template), defaults=True)
    said = capsys.readouterr().err
    head = commit_at(template, "HEAD")
    assert "no release; tags not read as versions: template-v1.0.0, template-v2.0.0" in said
    assert f"newest commit {head[:12]}, which nobody released" in said
    assert made.commit
    with opened(str(template)) as versions:
        assert resolve(versions, "template-v1.0.0") == commit_at(template, "template-v1.0.0")


def test_a_new_repository_takes_the_release_that_an_update_would_take(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git("tag", "20251231", cwd=template)
    assert create(tmp_path / "new", template=str(template), defaults=True).commit == "v2.0.0"
    assert "Taking 2.0.0" in capsys.readouterr().err


def test_a_final_release_is_not_older_than_its_candidate(template: Path, tmp_path: Path) -> None:
    """The candidate may be tagged on a later commit than the final release."""
    git("tag", "v3.0.0", "HEAD", cwd=template)
    git("commit", "--quiet", "--allow-empty", "--message", "Notes", cwd=template)
    git("tag", "v3.0.0rc1", cwd=template)
    answers = {"project_name": "Shop", "package_name": "shop"}
    project = repository(template, tmp_path / "p", "3.0.0rc1", answers)
    assert drift(project).newer == "3.0.0"
    report, _ = update(project, lock=False)
    assert (report.before, report.after) == ("3.0.0rc1", "3.0.0")


def test_an_older_release_on_another_branch_is_older(template: Path, tmp_path: Path) -> None:
    git("switch", "--quiet", "--create", "maintenance", "v1.0.0", cwd=template)
    git("commit", "--quiet", "--allow-empty", "--message", "Fix", cwd=template)
    git("tag", "v1.0.1", cwd=template)
    git("switch", "--quiet", "main", cwd=template)
    answers = {"project_name": "Shop", "package_name": "shop"}
    project = repository(template, tmp_path / "p", "2.0.0", answers)
    with pytest.raises(ToolError, match="newer than what --to names"):
        update(project, to="1.0.1", lock=False)


@pytest.mark.parametrize(
    ("tags", "taken"),
    [
        (["2.0.0.post1"], "2.0.0.post1"),
        (["1!0.1"], "1!0.1"),
        (["V2.1"], "2.1"),
        (["2.5.0rc1", "2.5.0.dev3"], "2.0.0"),
        (["2025.12.31"], "2025.12.31"),
        (["v9", "latest", "release/9.0"], "2.0.0"),
    ],
)
def test_tags_are_ordered_as_pep_440_and_copier_order_them(
    template: Path, tags: list[str], taken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for tag in tags:
        git("tag", tag, cwd=template)
    with opened(str(template)) as versions:
        assert resolve(versions, None) == versions.versions[taken]
        assert f"Taking {taken}." in capsys.readouterr().err
        assert resolve(versions, "2.0") == commit_at(template, "v2.0.0")


def test_bare_numbers_are_versions_where_nothing_else_is(template: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        git("tag", version[0], f"v{version}", cwd=template)
        git("tag", "--delete", f"v{version}", cwd=template)
    with opened(str(template)) as versions:
        assert [*versions.versions] == ["1", "2"]


def test_a_tag_on_no_commit_is_passed_over_and_named(template: Path) -> None:
    blob = git("rev-parse", "HEAD:copier.yml", cwd=template).strip()
    git("tag", "v9.0.0", blob, cwd=template)
    with opened(str(template)) as versions:
        assert versions.unread == ("v9.0.0",)
        assert [*versions.versions] == ["1.0.0", "2.0.0"]


def test_a_release_outside_the_main_history_is_said(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git("switch", "--quiet", "--create", "aside", "v1.0.0", cwd=template)
    git("commit", "--quiet", "--allow-empty", "--message", "Aside", cwd=template)
    git("tag", "v5.0.0", cwd=template)
    git("switch", "--quiet", "main", cwd=template)
    with opened(str(template)) as versions:
        assert resolve(versions, None) == commit_at(template, "v5.0.0")
    assert "Taking 5.0.0, which is not in the history of the main branch" in capsys.readouterr().err


def test_a_repository_follows_a_template_without_any_release(
    template: Path, tmp_path: Path
) -> None:
    """The render of the recorded commit must not move what counts as the newest."""
    project = tiny_project(template, tmp_path / "p")
    first = commit_at(template, "v1.0.0")
    text = (project / ".copier-answers.yml").read_text(encoding="utf-8")
    (project / ".copier-answers.yml").write_text(text.replace("v1.0.0", first), encoding="utf-8")
    git("commit", "--all", "--quiet", "--message", "By commit", cwd=project)
    git("tag", "--delete", "v1.0.0", "v2.0.0", cwd=template)
    update(project, lock=False)
    assert "line 15, better" in (project / "src/shop/mlops/cli.py").read_text(encoding="utf-8")
