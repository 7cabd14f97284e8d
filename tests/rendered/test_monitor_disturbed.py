"""`mlops monitor`, `feedback` and retraining, killed or on a full disk: nothing half written.

A real server answers while a model is trained anew: by the champion, whatever happens.
"""

import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import polars as pl
import pytest
from running import Project, first_and_repetitions, new_project, replace
from running_server import Callers, ready_to_serve, served
from scored import DAYS, ROWS, scored
from small_disk import SmallDisk, small_disk
from stages import command
from whole import check_whole, results

pytestmark = pytest.mark.xdist_group("disturbed monitor")

FIRST = datetime.date(2025, 6, 1)
LOOK = ("monitor", "--as-of", str(FIRST + datetime.timedelta(days=DAYS - 1)))
REPORTS = Path("reports/monitor")
LOOKS = Path("data/open/monitor/log.jsonl")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a project whose log says that recent_orders was 0 in every row of the last weeks."""
    project = new_project(tmp_path_factory.mktemp("watched") / "shop", {"serving": "both"})
    ready_to_serve(project, log={"features": False})
    command(project, "snapshot").check_returncode()
    scored(project.path, FIRST)
    return project


def forget_looks(project: Project) -> None:
    for name in (REPORTS, LOOKS.parent):
        shutil.rmtree(project.path / name, ignore_errors=True)


def look(project: Project) -> dict:
    """Look once, undisturbed; return what the report says, without when."""
    done = command(project, [*LOOK, "--json"])
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    for one in told["looks"]:
        one.pop("at", None)
    return told


def check_reports(project: Project) -> None:
    """Read every report and line of the log of looks to its end."""
    for file in (project.path / REPORTS).glob("[!.]*"):
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".prom":
            assert text.endswith("\n") and "mlops_monitor_alarms" in text
        else:
            check_whole(file)
    if (project.path / LOOKS).is_file():
        *lines, _ = (project.path / LOOKS).read_text(encoding="utf-8").split("\n")
        assert [json.loads(line)["number"] for line in lines] == [*range(1, len(lines) + 1)]


def killed(project: Project, seconds: float, *words: str) -> bool:
    """Run a command and kill all its processes after so long; return whether it still ran."""
    process = subprocess.Popen(
        ["uv", "run", "mlops", *words], cwd=project.path, env=project.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


@pytest.mark.parametrize("kills", first_and_repetitions(1, 10))
def test_kill_9_of_the_monitor_at_any_moment(shop: Project, kills: int, figure) -> None:
    forget_looks(shop)
    shutil.rmtree(shop.path / "data/open/feedback", ignore_errors=True)
    command(shop, "feedback outcomes.parquet").check_returncode()
    begun = time.monotonic()
    wanted = look(shop)
    assert "drift recent_orders" in [one["key"] for one in wanted["alarms"]]
    shop.mlops(*LOOK, check=False)
    took, draw, still = time.monotonic() - begun, random.Random(kills), 0  # noqa: S311
    for _ in range(kills):
        forget_looks(shop)
        still += killed(shop, draw.uniform(0.3, took / 2), *LOOK)
        check_reports(shop)
    if (shop.path / LOOKS).is_file() and (shop.path / LOOKS).read_text(encoding="utf-8"):
        # The last one had come to its end, or to its last line: nothing is new any more.
        assert [one["key"] for one in look(shop)["alarms"]] == [
            one["key"] for one in wanted["alarms"]
        ]
        forget_looks(shop)
    # What was killed is told as new once more; the look is the one of an undisturbed run.
    assert look(shop) == wanted
    check_reports(shop)
    # A year later no row has come.
    silent = command(shop, "monitor --json")
    assert json.loads(silent.stdout)["alarms"][0]["key"] == "silent", silent.stderr
    figure(f"{still} of {kills} looks were killed; the next one said what an undisturbed one says")


@pytest.mark.repetition
@pytest.mark.parametrize("kills", [1, 10])
def test_kill_9_of_the_retraining_while_the_champion_answers(
    shop: Project, kills: int, figure
) -> None:
    draw, still = random.Random(kills), 0  # noqa: S311
    replace(shop.path / "params.yaml", "trees: 60", "trees: 61")
    ids = pl.read_parquet(shop.path / "data/open/predictions.parquet")["id"].unique()[:20]
    with served(shop) as server:
        said = {id_: server.ask("/predict", {"id": id_})[1]["score"] for id_ in ids}
        with Callers(server.port, ids.to_list()) as callers:
            for _ in range(kills):
                still += killed(shop, draw.uniform(1, 40), "run", "--reason", "drift")
                for file in results(shop):
                    if file.suffix in (".parquet", ".json", ".skops", ".html", ".md"):
                        check_whole(file)
            told = json.loads(shop.mlops("run", "--reason", "drift", "--json").stdout)
    assert told["decision"] == "promote", told
    assert {status for status, _, _ in callers.answers} == {200} and callers.lost == 0
    # Nobody has promoted anything.
    assert all(one["score"] == said[id_] for _, id_, one in callers.answers)
    replace(shop.path / "params.yaml", "trees: 61", "trees: 60")
    figure(f"{still} of {kills} runs were killed; {len(callers.answers):,} answers, none wrong")


@pytest.fixture
def disk(shop: Project, request: pytest.FixtureRequest):
    shutil.rmtree(shop.path / request.param, ignore_errors=True)
    with small_disk(shop.path / request.param, 4) as mounted:
        yield mounted


def refused(project: Project, words: str) -> str:
    done = command(project, words)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "disk", first_and_repetitions("reports/monitor", "data/open/monitor"), indirect=True
)
def test_a_look_on_a_full_disk_is_made_anew_when_there_is_room(
    shop: Project, disk: SmallDisk
) -> None:
    shutil.rmtree(shop.path / "data/open/feedback", ignore_errors=True)
    for name in (REPORTS, LOOKS.parent):
        for file in (shop.path / name).glob("*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    wanted = look(shop)
    reports = {file.name: file.read_bytes() for file in (shop.path / REPORTS).glob("[!.]*")}
    (shop.path / LOOKS).unlink()
    for keep in (0, 8_192, 40_960):
        disk.fill(keep)
        done = command(shop, LOOK)
        disk.clear()
        # A disk that is full enough for the one, and not for the other.
        assert done.returncode == 3 or keep, done.stdout
        if done.returncode == 3:
            assert done.stderr.splitlines()[-1].startswith("error: The disk is full"), done.stderr
            assert "Traceback" not in done.stderr
            # A look without its reports was none: the next one tells of the alarm as new.
            log = shop.path / LOOKS
            assert not log.is_file() or "\n" not in log.read_text(encoding="utf-8")
        check_reports(shop)
        (shop.path / LOOKS).unlink(missing_ok=True)
    kept = {file.name: file.read_bytes() for file in (shop.path / REPORTS).glob("[!.]*")}
    assert kept.keys() == reports.keys()
    assert look(shop) == wanted


@pytest.mark.parametrize("disk", ["data/open/feedback"], indirect=True)
def test_outcomes_on_a_full_disk_are_all_taken_in_later(shop: Project, disk: SmallDisk) -> None:
    for keep in (0, 16_384):
        disk.fill(keep)
        assert refused(shop, "feedback outcomes.parquet").startswith("error: The disk is full")
        assert not list(disk.path.glob("*.parquet"))
    disk.clear()
    told = json.loads(command(shop, "feedback outcomes.parquet --json").stdout)
    assert told["new"] == told["read"] == ROWS * DAYS
