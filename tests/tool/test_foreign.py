"""Nothing goes by its name alone: what is not proven to be the template's stays where it is."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from adoption import adopted
from copier_mlops.adopting.adopt import adopt
from copier_mlops.errors import ToolError
from copier_mlops.git import repository_at
from copier_mlops.repository import snapshot
from copier_mlops.updating.drift import drift
from copier_mlops.updating.eject import eject
from copier_mlops.updating.eject import undo as undo_eject
from copier_mlops.updating.update import undo, update
from lifecycle import add_version, commit, repository, state_of
from rendering import git
from tiny_template import COPIER, LINES, MANAGED, second_version, tiny_project, tiny_template

ANSWERS, WORKFLOW = ".copier-answers.yml", ".github/workflows/template.yml"
REPORT = "TEMPLATE_UPDATE.md"
OURS = "name: template\non: workflow_dispatch\njobs: {}\n"
THEIRS = "name: our own\non: push\n"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    template = tiny_template(tmp_path / "template")
    add_version(template, "1.1.0", {f"template/{WORKFLOW}": OURS})
    return template


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return repository(template, tmp_path / "project", "1.1.0", {"package_name": "shop"})


def write(project: Path, name: str, text: str) -> None:
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text(text, encoding="utf-8")
    commit(project)


VERBS: dict[str, Callable[[Path], object]] = {
    "update": update,
    "update --check": lambda path: update(path, check=True),
    "drift": drift,
    "eject": eject,
    "adopt": lambda path: adopt(path, template=str(path.parent / "template"), defaults=True),
    "adopt --dry-run": lambda path: adopt(
        path, template=str(path.parent / "template"), dry_run=True
    ),
}


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Return another template, which happens to ask questions of the same names."""
    folder = tmp_path / "other"
    folder.mkdir()
    git("init", "--quiet", cwd=folder)
    questions = "package_name: {type: str}\ntask: {type: str}\nfunctionality: {type: str}\n"
    files = {
        "copier.yml": f"_subdirectory: template\n{questions}",
        "template/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_nice_yaml }}",
        f"template/{WORKFLOW}": OURS,
    }
    add_version(folder, "1.0.0", files)
    return folder


ANSWERS_OF_OTHERS = [
    "_src_path: gh:else/where\n_commit: v1\nproject: x\n",
    "_src_path: gh:else/where\n_commit: v1\nproject: x\nservices: {db: {port: 1}}\n",
    "_src_path: gh:else/where\n_commit: v1\npackage_name: x\ntask: regression\n",
    "_commit: v1\npackage_name: x\n",
    "_src_path: OTHER\n_commit: v1.0.0\npackage_name: x\ntask: b\nfunctionality: c\n",
]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("answers", ANSWERS_OF_OTHERS)
def test_every_verb_refuses_the_answers_of_another_template(
    answers: str, verb: str, template: Path, other: Path, tmp_path: Path
) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    git("init", "--quiet", cwd=repo)
    write(repo, WORKFLOW, OURS)
    write(repo, ANSWERS, answers.replace("OTHER", str(other)))
    before = state_of(repo)
    with pytest.raises(ToolError) as caught:
        VERBS[verb](repo)
    if "OTHER" in answers and verb.startswith("adopt"):
        assert "already follows the template; use copier-mlops update" in str(caught.value)
    else:
        assert "belongs to another template" in str(caught.value)
        assert "copier update --answers-file" in str(caught.value)
    assert state_of(repo) == before


@pytest.mark.parametrize("way", ["a mirror", "another name", "another file of questions"])
def test_a_fork_of_the_template_is_followed_wherever_it_lies(
    way: str, template: Path, project: Path, tmp_path: Path
) -> None:
    fork = tmp_path / "internal-ml-starter"
    git(
        "clone",
        "--quiet",
        *(["--mirror"] if way == "a mirror" else []),
        str(template),
        str(fork),
        cwd=tmp_path,
    )
    if way == "another file of questions":
        extra = f"{COPIER}cost_centre: {{type: str, default: '0'}}\n"
        add_version(fork, "1.2.0", {"copier.yml": extra, f"{MANAGED}/plain.py": "ours\n"})
    text = (project / ANSWERS).read_text(encoding="utf-8")
    write(project, ANSWERS, text.replace(str(template), str(fork)))
    assert not drift(project).found
    if way == "another file of questions":
        update(project)
        assert (project / "src/shop/mlops/plain.py").read_text(encoding="utf-8") == "ours\n"
        git("commit", "--quiet", "--message", "Updated", cwd=project)
    assert {ANSWERS, WORKFLOW} < set(eject(project))


def test_leaving_removes_the_workflow_that_was_rendered(project: Path) -> None:
    (project / WORKFLOW).write_bytes(OURS.replace("\n", "\r\n").encode())
    commit(project)
    assert sorted(eject(project)) == [ANSWERS, WORKFLOW, "README.md"]
    assert not (project / WORKFLOW).exists()


@pytest.mark.parametrize("content", [THEIRS, f"{OURS}# every day\n"])
def test_leaving_keeps_a_workflow_that_is_not_as_rendered(
    content: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(project, WORKFLOW, content)
    write(project, f"{WORKFLOW}.template", OURS)
    before = state_of(project)
    assert sorted(eject(project)) == [ANSWERS, f"{WORKFLOW}.template", "README.md"]
    assert (project / WORKFLOW).read_text(encoding="utf-8") == content
    assert f"Kept {WORKFLOW}: it is not as the template renders it" in capsys.readouterr().err
    undo_eject(project)
    assert state_of(project) == before


def test_leaving_a_template_that_is_gone_keeps_what_cannot_be_proven(
    template: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(template)
    assert sorted(eject(project)) == [ANSWERS, "README.md"]
    said = capsys.readouterr().err
    assert "The template cannot be compared with" in said
    assert f"Kept {WORKFLOW}: whether it is the template's cannot be proven" in said


def test_without_template_and_code_nothing_proves_whose_the_answers_are(
    template: Path, project: Path
) -> None:
    shutil.rmtree(template)
    shutil.rmtree(project / "src")
    commit(project)
    before = state_of(project)
    with pytest.raises(ToolError, match="Nothing else proves whose"):
        eject(project)
    assert state_of(project) == before


def test_leaving_does_not_write_through_a_readme_that_is_a_link(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "docs").mkdir()
    (project / "README.md").rename(project / "docs/index.md")
    (project / "README.md").symlink_to("docs/index.md")
    commit(project)
    assert sorted(eject(project)) == [ANSWERS, WORKFLOW]
    assert (project / "README.md").is_symlink()
    assert "Left the template" in capsys.readouterr().err


def test_notes_in_a_report_are_neither_written_over_nor_removed(
    template: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second_version(template)
    update(project)
    git("commit", "--quiet", "--message", "Updated", cwd=project)
    with (project / REPORT).open("a", encoding="utf-8") as report:
        report.write("my note\n")
    add_version(template, "3.0.0", {f"{MANAGED}/plain.py": "newer\n"})
    update(project)
    assert (project / REPORT).read_text(encoding="utf-8").endswith("my note\n")
    assert "has your notes" in capsys.readouterr().err
    git("commit", "--quiet", "--message", "Updated", cwd=project)
    assert REPORT not in eject(project)
    assert (project / REPORT).is_file()


def test_a_report_that_nobody_touched_is_written_anew_and_goes_with_the_rest(
    template: Path, project: Path
) -> None:
    second_version(template)
    update(project)
    git("commit", "--quiet", "--message", "Updated", cwd=project)
    add_version(template, "3.0.0", {f"{MANAGED}/plain.py": "newer\n"})
    update(project)
    assert "2.0.0 to 3.0.0" in (project / REPORT).read_text(encoding="utf-8")
    git("commit", "--quiet", "--message", "Updated", cwd=project)
    assert REPORT in eject(project)


def test_undoing_keeps_a_link_that_somebody_made_meanwhile(template: Path, project: Path) -> None:
    second_version(template)
    update(project)
    (project / "src/shop/mlops/cli.py").unlink()
    (project / "src/shop/mlops/cli.py").symlink_to("gate.py")
    (kept,) = undo(project)
    assert Path(kept).is_symlink()
    assert Path(kept).readlink() == Path("gate.py")
    assert (project / "src/shop/mlops/cli.py").read_text(encoding="utf-8") == LINES


def test_a_file_is_not_moved_because_the_templates_of_its_name_was(
    template: Path, tmp_path: Path
) -> None:
    project = tiny_project(template, tmp_path / "adopted")
    own = "".join(f"our own {number}\n" for number in range(30))
    write(project, "src/shop/mlops/gate.py", own)
    write(project, "conf/base.yaml", "ours: 1\n")
    write(project, "conf/base.yaml.template", "a: 1\n")
    second_version(
        template,
        **{
            f"{MANAGED}/gate.py": None,
            f"{MANAGED}/door.py": "".join(f"gate {number}\n" for number in range(1, 21)),
            "template/conf/base.yaml": None,
            "template/conf/common.yaml": "a: 1\n",
            "renames.yml": "moved: {'/src/{{ package_name }}/mlops/gate.py': "
            "'/src/{{ package_name }}/mlops/door.py', /conf/base.yaml: /conf/common.yaml}\n",
        },
    )
    report, _ = update(project)
    assert (project / "src/shop/mlops/gate.py").read_text(encoding="utf-8") == own
    assert (project / "conf/base.yaml").read_text(encoding="utf-8") == "ours: 1\n"
    assert (project / "src/shop/mlops/door.py").read_text(encoding="utf-8").startswith("gate 1\n")
    assert (project / "conf/common.yaml").read_text(encoding="utf-8") == "a: 1\n"
    assert report.merged.renamed == {}
    assert "it is not the template's" in report.merged.notes["conf/base.yaml"]


@pytest.mark.parametrize("tracked", [True, False])
def test_an_adoption_after_lost_answers_keeps_a_report_of_that_name(
    tracked: bool, template: Path, project: Path
) -> None:
    (project / "src/shop/mlops/doctor.py").write_text("", encoding="utf-8")
    (project / ANSWERS).unlink()
    commit(project)
    (project / "ADOPTION.md").write_text("of our cat\n", encoding="utf-8")
    (project / "adopt-copier-mlops.md").write_text("mine too\n", encoding="utf-8")
    if tracked:
        commit(project)
    adoption = adopted(project, template)
    assert "It came from the template" in adoption.notes[0]
    assert (project / "ADOPTION.md").read_text(encoding="utf-8") == "of our cat\n"
    assert (project / "adopt-copier-mlops.md").read_text(encoding="utf-8") == "mine too\n"
    assert (project / "adopt-copier-mlops-2.md").is_file()
    assert snapshot.current(repository_at(project)) is not None
