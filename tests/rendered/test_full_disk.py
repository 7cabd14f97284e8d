"""`mlops run` on a disk that is really full, or can only be read: a sentence, and nothing half."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Project, new_project, replace
from small_disk import SmallDisk, only_readable, small_disk

pytestmark = [pytest.mark.repetition, pytest.mark.xdist_group("full disk")]

SAMPLE = "{kind: sample, customers: 5000, products: 300, order_lines: 60000, seed: 7}"
SMALL = "{kind: sample, customers: 600, products: 60, order_lines: 8000, seed: 7}"
# Bytes that are left, of which one stage after the other has enough; at last the registry's.
ROOM = (0, 60_000, 400_000, 700_000, 900_000, 1_000_000)
RESULTS = ("data/open", "data/restricted/tables", "models", "reports")
# It has the numbers that the registry gave.
NUMBERED = "models/registration.json"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallDisk]:
    with small_disk(tmp_path_factory.mktemp("small") / "disk", 80) as mounted:
        yield mounted


@pytest.fixture(scope="module")
def project(disk: SmallDisk) -> Project:
    """Run a project once, then change its input, so that every stage has to run again."""
    made = new_project(disk.path / "shop")
    sources = made.path / "conf" / "sources.yaml"
    replace(sources, SAMPLE, SMALL)
    made.mlops("run")
    replace(sources, SMALL, SMALL.replace("seed: 7", "seed: 8"))
    return made


def results(project: Project) -> dict[str, bytes]:
    files = [file for name in RESULTS for file in sorted((project.path / name).rglob("[!.]*"))]
    found = {file.relative_to(project.path).as_posix(): file for file in files if file.is_file()}
    return {name: file.read_bytes() for name, file in found.items() if name != NUMBERED}


def refusal(project: Project, *command: str) -> str:
    """Run a command that is refused; return its one sentence."""
    done = project.mlops(*command, check=False)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    (said,) = [line for line in done.stderr.splitlines() if "error" in line.lower()]
    return said


def test_on_a_full_disk_each_stage_says_so_and_the_same_command_completes(
    disk: SmallDisk, project: Project, tmp_path: Path
) -> None:
    undisturbed = Project(tmp_path / "undisturbed")
    shutil.copytree(project.path, undisturbed.path, symlinks=True)
    undisturbed.mlops("run")
    wanted, before = results(undisturbed), results(project)
    refused = 0
    for keep in ROOM:
        disk.fill(keep)
        if project.mlops("doctor", check=False).returncode > 3:
            raise AssertionError("the doctor failed on a full disk")
        done = project.mlops("run", check=False)
        if done.returncode == 0:
            break
        refused += 1
        assert done.returncode == 3
        (said,) = [line for line in done.stderr.splitlines() if "error" in line.lower()]
        assert said.startswith("error: The disk is full")
        for name, content in results(project).items():
            assert content in (before.get(name), wanted.get(name)), name
        assert not list(project.path.glob("data/open/**/*.tmp"))
    assert refused >= 3, "the disk was never full: this would prove nothing"
    disk.clear()
    project.mlops("run")
    assert results(project) == wanted


def test_a_project_that_can_only_be_read_is_one_sentence(project: Project) -> None:
    before = results(project)
    asleep = Project(project.path, {"UV_NO_SYNC": "1", "PYTHONDONTWRITEBYTECODE": "1"})
    with only_readable(project.path):
        for command in (["run", "--force"], ["train"], ["compare", "run"], ["privacy", "protect"]):
            assert "can only be read" in refusal(asleep, *command)
        assert "nothing can be written here" in asleep.mlops("doctor", check=False).stdout
    assert results(project) == before
    project.mlops("run")
