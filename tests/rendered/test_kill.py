"""`kill -9` in the middle of every stage: earlier results stay whole, and the same command goes on.

A hook that Python loads at its start (not our code) holds a stage just before it puts a file in
its place, once with the file cut in half: the worst moment there is, hit every time.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Project, first_and_repetitions, new_project, replace
from whole import check_soon, check_whole, results

pytestmark = [
    pytest.mark.xdist_group("kill"),
    pytest.mark.skipif(os.name == "nt", reason="there are no process groups to kill on Windows"),
]

HOOK = """
import json, os, pathlib, time

plan = pathlib.Path(os.environ["KILL_PLAN"])
wanted = json.loads(plan.read_text()) if plan.is_file() else {}
if os.environ.get("DVC_STAGE", "") == wanted.get("stage"):
    put_in_place, count = os.replace, 0

    def replace(source, target, **options):
        global count
        name = pathlib.Path(target).name
        count += pathlib.Path(source).name.startswith(f".{name}.")
        if count == wanted["file"]:
            if wanted["torn"]:
                os.truncate(source, os.path.getsize(source) // 2)
            note = plan.with_suffix(".note")
            note.write_text(str(os.getpid()))
            put_in_place(note, plan.with_suffix(".held"))
            time.sleep(600)
        put_in_place(source, target, **options)

    os.replace = replace
"""
# The stages in their order, and a file of each in whose writing the whole group is killed.
STAGES = {"data": 7, "protect": 3, "features": 1, "train": 2, "compare": 3}
REPORTS = [f"reports/compare/{name}" for name in ("decision.json", "report.md", "report.html")]
SMALL = "{kind: sample, customers: 600, products: 60, order_lines: 8000, seed: 7}"


class Held:
    """A run of the pipeline that is held in the middle of a stage."""

    def __init__(self, project: Project, plan: Path, stage: str, file: int, torn: bool) -> None:
        held = plan.with_suffix(".held")
        held.unlink(missing_ok=True)
        plan.write_text(json.dumps({"stage": stage, "file": file, "torn": torn}))
        self.process = subprocess.Popen(
            ["uv", "run", "mlops", "run"],
            cwd=project.path,
            env=project.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        until = time.monotonic() + 180
        while not held.is_file():
            if self.process.poll() is not None or time.monotonic() > until:
                os.killpg(self.process.pid, signal.SIGKILL)
                raise AssertionError(f"never came to {stage}: {self.process.communicate()}")
            time.sleep(0.05)
        plan.unlink()
        self.stage_process = int(held.read_text())

    def kill_everything(self) -> None:
        """Kill uv, `mlops run`, DVC and the stage at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def kill_only_the_stage(self) -> tuple[int, str]:
        """Return the exit code of `mlops run` and what it wrote to stderr."""
        os.kill(self.stage_process, signal.SIGKILL)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hook")
    (folder / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    return folder / "plan.json"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, plan: Path) -> Project:
    """Run a project once, then change its input, so that every stage has to run again."""
    folder = tmp_path_factory.mktemp("killed") / "project"
    made = new_project(folder)
    sources = folder / "conf" / "sources.yaml"
    replace(
        sources,
        "{kind: sample, customers: 5000, products: 300, order_lines: 60000, seed: 7}",
        SMALL,
    )
    made.mlops("run")
    replace(sources, SMALL, SMALL.replace("seed: 7", "seed: 8"))
    return Project(folder, {"PYTHONPATH": str(plan.parent), "KILL_PLAN": str(plan)})


@pytest.fixture(scope="module")
def undisturbed(project: Project) -> bytes:
    """Return the decision about the changed input of a run that nobody killed."""
    copy = Project(project.path.with_name("undisturbed"))
    shutil.copytree(project.path, copy.path)
    copy.mlops("run")
    return (copy.path / REPORTS[0]).read_bytes()


def leftovers(project: Project) -> list[Path]:
    return [
        path
        for name in ("data", "models", "reports")
        for path in (project.path / name).rglob("*.tmp")
    ]


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def watched(project: Project) -> Iterator[None]:
    """Read every result again and again while a test runs; none may go or be cut."""
    expected, broken, stop = results(project), [], threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            for file in expected:
                try:
                    check_soon(file)
                except Exception as error:
                    broken.append(f"{file.name}: {type(error).__name__} {error}")

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    stop.set()
    watcher.join()
    assert expected
    assert broken == []


@pytest.mark.usefixtures("undisturbed", "watched")
@pytest.mark.parametrize("stage", first_and_repetitions(*STAGES))
def test_kill_9_in_the_middle_of_a_stage_leaves_every_result_whole(
    project: Project, plan: Path, stage: str
) -> None:
    reports = {name: (project.path / name).read_bytes() for name in REPORTS}

    # Only the stage: what ran it says so in one sentence.
    run = Held(project, plan, stage, file=1, torn=True)
    code, said = run.kill_only_the_stage()
    assert code == 3
    told = [line for line in said.splitlines() if "error" in line.lower()]
    assert len(told) == 1
    assert told[0].startswith("error: ")
    assert f"stage {stage}" in told[0]
    assert "Traceback" not in said
    assert leftovers(project), "the stage was not in the middle of writing"
    for file in results(project):
        check_whole(file)
    assert {name: (project.path / name).read_bytes() for name in REPORTS} == reports

    # Every process at once, as when the power fails.
    run = Held(project, plan, stage, file=STAGES[stage], torn=False)
    run.kill_everything()
    for file in results(project):
        check_whole(file)
    # The gate reads this one: it is put in its place last, after the reports about it.
    assert (project.path / REPORTS[0]).read_bytes() == reports[REPORTS[0]]
    # DVC notes on disk who writes what; the next run must see that this one is dead.
    noted = json.loads((project.path / ".dvc" / "tmp" / "rwlock").read_text(encoding="utf-8"))
    writers = [writer["pid"] for writer in noted["write"].values()]
    assert writers, "DVC left no lock: this no longer shows that a stale one does no harm"
    # The system may need a moment to bury them.
    until = time.monotonic() + 30
    while any(map(is_alive, writers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(is_alive, writers))


@pytest.mark.usefixtures("watched")
def test_the_same_command_completes_with_the_decision_of_an_undisturbed_run(
    project: Project, undisturbed: bytes
) -> None:
    previous = (project.path / REPORTS[0]).read_bytes()
    # DVC writes its list of locks in place: a kill at that moment leaves a part of it.
    locks = project.path / ".dvc" / "tmp" / "rwlock"
    locks.write_bytes(locks.read_bytes()[:10])
    done = project.mlops("run", "--json")
    assert json.loads(done.stdout)["decision"] == json.loads(undisturbed)["decision"]
    assert (project.path / REPORTS[0]).read_bytes() == undisturbed
    assert previous != undisturbed, "the input did not change, so that nothing had to run"
    assert leftovers(project) == []
    hidden = [path.name for path in project.path.joinpath("data").rglob(".*")]
    assert hidden == []
