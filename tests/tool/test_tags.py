"""Which tags are versions, which was taken, and that nothing unreleased is taken without a word."""

from pathlib import Path

import pytest
from copier_mlops.new import create
from copier_mlops.project import project_at
from copier_mlops.tags import read_tags
from copier_mlops.update import update
from lifecycle import commit
from rendering import git
from tiny_template import MANAGED, second_version, tiny_project, tiny_template


@pytest.fixture
def template(tmp_path: Path) -> Path:
    return tiny_template(tmp_path / "template")


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
        assert found.newest == newest
        assert found.others == (sorted(names) if others is None else others)


def test_the_record_tells_which_way_a_template_counts() -> None:
    names = ["2024.1.0", "2024.2.0", "2025.1.0", "v0.3.0"]
    assert read_tags(names).newest == "2025.1.0"
    assert read_tags(names, ["0.3.0"]).newest == "v0.3.0"


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
    assert "Newest version: v2.0.0; not read as versions: 20251231" in capfd.readouterr().err


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
    assert "its newest commit is taken, which nobody released." in said
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
