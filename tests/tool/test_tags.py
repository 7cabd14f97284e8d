"""Which tags are versions, which was taken, and that nothing unreleased is taken without a word."""

import json
import re
import shutil
from pathlib import Path

import pytest
from copier_mlops.errors import ToolError
from copier_mlops.rendering.new import create
from copier_mlops.rendering.tags import Tags, read_tags
from copier_mlops.repository.project import Project, project_at
from copier_mlops.updating.drift import drift
from copier_mlops.updating.update import update
from lifecycle import commit
from rendering import ROOT, git
from tiny_template import MANAGED, second_version, tiny_project, tiny_template


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return tiny_template(tmp_path / "template")


def newest_of(tags: Tags) -> str | None:
    """Return the tag of the newest final release."""
    return next((t for v, t in reversed(tags.versions.items()) if not v.is_prerelease), None)


def commit_at(template: Path, revision: str = "HEAD") -> str:
    return git("rev-parse", f"{revision}^{{commit}}", cwd=template).strip()


def next_commit(template: Path) -> None:
    git("commit", "--quiet", "--allow-empty", "--message", "Later", cwd=template)


@pytest.mark.parametrize(
    ("names", "newest", "others"),
    [
        (["v0.3.0", "v0.4.0", "20251231"], "v0.4.0", ["20251231"]),
        (["0.3.0", "2025.12.31", "0.4.0"], "0.4.0", ["2025.12.31"]),
        (["2024.1.0", "2025.12.31"], "2025.12.31", []),
        (["v2", "v2.0.0", "v2.1", "v2.1.0"], "v2.1.0", ["v2", "v2.1"]),
        (["template-v1.2.0", "release/1.3.0", "nightly"], None, None),
        (["v1.0.0", "v1.1.0rc1"], "v1.0.0", []),
        (["v1.0.0rc1", "v1.0.0", "v1.0.0.post1"], "v1.0.0.post1", []),
        (["v1.9.0", "v1.10.0", "1!0.1"], "1!0.1", []),
        (["v1.0.0+acme.2", "v1.0.0"], "v1.0.0+acme.2", []),
        ([], None, []),
    ],
)
def test_a_version_is_told_from_what_only_looks_like_one(
    names: list[str], newest: str | None, others: list[str] | None
) -> None:
    for listed in (names, names[::-1]):
        found = read_tags(listed)
        assert newest_of(found) == newest
        assert found.others == (sorted(names) if others is None else others)


def test_the_record_tells_which_way_a_template_counts() -> None:
    names = ["2024.1.0", "2024.2.0", "2025.1.0", "v0.3.0"]
    assert newest_of(read_tags(names)) == "2025.1.0"
    assert newest_of(read_tags(names, ["0.3.0"])) == "v0.3.0"


def test_a_stray_tag_of_a_date_is_no_newer_version(
    template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = tiny_project(template, tmp_path / "shop")
    second_version(template)
    git("tag", "20251231", "v1.0.0", cwd=template)
    assert update(project)[0].after == "2.0.0"
    said = capfd.readouterr().err
    assert "Newest version: 2.0.0 (older: 1.0.0; not read as versions: 20251231)" in said
    made = create(tmp_path / "new", template=str(template), defaults=True)
    assert made.version == "2.0.0"
    assert "Newest version: 2.0.0 (older: 1.0.0; not read as versions: 20251231)" in (
        capfd.readouterr().err
    )


def test_what_nobody_released_is_taken_only_with_a_word(
    template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    git("tag", "template-v1.0.0", "v1.0.0", cwd=template)
    git("tag", "--delete", "v1.0.0", cwd=template)
    head = git("rev-parse", "HEAD", cwd=template)[:8]
    create(tmp_path / "new", template=str(template), defaults=True)
    assert (
        "has no version, which is a tag such as v1.2.0 (its tags template-v1.0.0 are none): "
        in (said := capfd.readouterr().err)
    )
    assert f"its newest commit, {head}, is taken, which nobody released." in said
    git("init", "--quiet", cwd=tmp_path / "new")
    commit(tmp_path / "new")
    update(tmp_path / "new")
    said = capfd.readouterr().err
    assert f"its newest commit, {head}, is taken, which nobody released." in said


def test_a_final_release_follows_its_candidate_wherever_its_commit_is(
    template: Path, tmp_path: Path
) -> None:
    """The release was cut from the commit before the candidate's last change."""
    project = tiny_project(template, tmp_path / "shop")
    second_version(template)
    git("tag", "--delete", "v2.0.0", cwd=template)
    final = git("rev-parse", "HEAD", cwd=template).strip()
    (template / f"{MANAGED}/plain.py").write_text("a try\n", encoding="utf-8")
    git("commit", "--all", "--quiet", "--message", "A try", cwd=template)
    git("tag", "v2.0.0rc1", cwd=template)
    assert update(project, to="v2.0.0rc1")[0].after == "v2.0.0rc1"
    commit(project)
    git("tag", "v2.0.0", final, cwd=template)
    assert update(project)[0].after == "2.0.0"
    assert project_at(project).version == "v2.0.0"
    assert (project / "src/shop/mlops/plain.py").read_text(encoding="utf-8") == "plain\n"


def test_a_repository_follows_a_template_without_any_release(
    template: Path, tmp_path: Path
) -> None:
    """The render of the recorded commit must not move what counts as the newest."""
    first = commit_at(template)
    project = tiny_project(template, tmp_path / "shop")
    replace_in(project / ".copier-answers.yml", "v1.0.0", first)
    second_version(template)
    git("tag", "--delete", "v1.0.0", "v2.0.0", cwd=template)
    assert drift(project).newer == commit_at(template)
    update(project, lock=False)
    assert "line 15, better" in (project / "src/shop/mlops/cli.py").read_text(encoding="utf-8")
    assert project_at(project).version == commit_at(template)[:7]


def test_head_is_the_newest_commit_of_the_main_branch(template: Path, tmp_path: Path) -> None:
    project = tiny_project(template, tmp_path / "shop")
    second_version(template)
    update(project, to="HEAD", lock=False)
    assert project_at(project).version == "v2.0.0"


def test_a_tag_on_no_commit_is_passed_over_and_named(
    template: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = tiny_project(template, tmp_path / "shop")
    second_version(template)
    git("tag", "v9.0.0", commit_at(template) + ":copier.yml", cwd=template)
    git("tag", "v9.1.0", commit_at(template) + "^{tree}", cwd=template)
    git("tag", "--annotate", "--message", "A file", "v9.2.0", "HEAD:copier.yml", cwd=template)
    words = "Newest version: 2.0.0 (older: 1.0.0; not read as versions: v9.0.0, v9.1.0, v9.2.0)"
    assert create(tmp_path / "new", template=str(template), defaults=True).version == "2.0.0"
    assert words in capfd.readouterr().err
    assert drift(project).newer == "2.0.0"
    assert update(project, lock=False)[0].after == "2.0.0"
    assert words in capfd.readouterr().err


def test_a_new_repository_follows_the_record_as_an_update_does(
    template: Path, tmp_path: Path
) -> None:
    """The record names a release that has no tag, and wins over a tag that was moved."""
    project = tiny_project(template, tmp_path / "shop")
    second_version(template)
    released = commit_at(template)
    git("tag", "--delete", "v2.0.0", cwd=template)
    (template / "releases.toml").write_text(f'"2.0.0" = "{released}"\n', encoding="utf-8")
    git("add", "releases.toml", cwd=template)
    git("commit", "--quiet", "--message", "Release", cwd=template)
    next_commit(template)
    for _ in range(2):
        made = create(tmp_path / "new", template=str(template), defaults=True)
        assert made.version == "2.0.0"
        shutil.rmtree(tmp_path / "new")
        git("tag", "--force", "v2.0.0", cwd=template)  # on a later commit
    assert update(project, lock=False)[0].after == "2.0.0"
    name = create(tmp_path / "old", template=str(template), defaults=True, vcs_ref="1.0.0")
    assert name.commit == "v1.0.0"


@pytest.mark.parametrize("stray", ["20251231", "v2", "2.0", "nightly"])
def test_what_is_stored_is_the_version_and_no_other_tag_of_its_commit(
    template: Path, tmp_path: Path, stray: str
) -> None:
    """Such a tag moves, and then nobody knows from what the repository was rendered."""
    project = tiny_project(template, tmp_path / "shop")
    second_version(template)
    git("tag", stray, "v2.0.0", cwd=template)
    made = create(tmp_path / "new", template=str(template), defaults=True)
    assert (made.commit, made.version) == ("v2.0.0", "2.0.0")
    assert project_at_new(tmp_path / "new").version == "v2.0.0"
    update(project, lock=False)
    assert project_at(project).version == "v2.0.0"


def test_a_moving_tag_that_is_stored_already_is_replaced_without_reproach(
    template: Path, tmp_path: Path
) -> None:
    git("tag", "v1", "v1.0.0", cwd=template)
    project = tiny_project(template, tmp_path / "shop")
    assert project_at(project).version == "v1", "plain Copier stores it"
    second_version(template)
    report, _ = update(project, lock=False)
    assert report.merged.notes == {}
    assert project_at(project).version == "v2.0.0"


def test_an_older_release_on_another_branch_is_older(template: Path, tmp_path: Path) -> None:
    second_version(template)
    git("switch", "--quiet", "--create", "maintenance", "v1.0.0", cwd=template)
    next_commit(template)
    git("tag", "v1.0.1", cwd=template)
    git("switch", "--quiet", "main", cwd=template)
    project = tiny_project(template, tmp_path / "shop")
    assert update(project, to="1.0.1", lock=False)[0].after == "1.0.1"
    commit(project)
    assert drift(project).newer == "2.0.0"
    assert update(project, lock=False)[0].after == "2.0.0"
    commit(project)
    with pytest.raises(ToolError, match="newer than what --to names"):
        update(project, to="1.0.1", lock=False)
    assert drift(project).newer is None


@pytest.mark.parametrize(
    ("current", "offered", "never"),
    [
        ("v0.3.0", ["v0.4.0", "1.0.0", "v1.0.0rc1", "1!0.1"], ["20251231", "v2", "2025.12.31"]),
        ("2024.1.0", ["2025.12.31", "2025.1"], ["20251231", "2026"]),
    ],
)
def test_the_preset_of_renovate_offers_versions_only(
    current: str, offered: list[str], never: list[str]
) -> None:
    """Renovate lets the last rule win that matches; it searches, and knows no other anchors."""
    preset = json.loads((ROOT / "renovate" / "template.json").read_text(encoding="utf-8"))
    rules = [
        rule["allowedVersions"].strip("/")
        for rule in preset["packageRules"]
        if re.search(rule.get("matchCurrentValue", "//").strip("/"), current)
    ]
    assert [tag for tag in [*offered, *never] if re.search(rules[-1], tag)] == offered


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    git("commit", "--all", "--quiet", "--message", "By hand", cwd=path.parent)


def project_at_new(folder: Path) -> Project:
    git("init", "--quiet", cwd=folder)
    commit(folder)
    return project_at(folder)
