"""A registry as a team has one: MLflow with sign-in on PostgreSQL, both real.

Promotions there are killed, raced, not permitted, or lose their database; and servers are not what
they should be.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listening import free_port, gives, listening
from rendering import ROOT
from running import Project, new_project
from tracking_server import TrackingServer, server_environment, server_of

DRIVER = ROOT / "tests" / "support" / "promotion_driver.py"
BEFORE = {"challenger": "3", "previous": "1", "champion": "2"}
AFTER = {"champion": "3", "previous": "2", "retired": "1"}
OLD = ("mlflow==2.22.0", "sqlalchemy<2.1")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("registry") / "shop")


@pytest.fixture(scope="module")
def server(project: Project) -> Iterator[TrackingServer]:
    with server_of(project) as running:
        yield running


def driven(
    project: Project, server: TrackingServer, scenario: str, folder: Path, **more: str
) -> Any:
    """Run one scenario of the driver against the server and return what it found."""
    known = {"PROMOTION_URI": server.uri, **server.sign_in(), **more}
    surely = Project(project.path, {**project.extra, **known})
    done = surely.uv("python", str(DRIVER), scenario, str(folder))
    return json.loads(done.stdout)


def whole(case: dict[str, Any]) -> None:
    """One champion while it was halfway, and the repetition finishes exactly."""
    assert case["halfway"]["aliases"]["champion"] in ("2", "3"), case
    assert case["again"]["status"] in ("promoted", "done"), case
    assert case["after"]["aliases"] == AFTER, case
    assert (case["third"]["status"], case["third"]["completed"]) == ("done", False), case


@pytest.mark.repetition
def test_a_promotion_killed_before_any_write_is_completed(
    project: Project, server: TrackingServer, tmp_path: Path
) -> None:
    cases = driven(project, server, "interrupted", tmp_path / "k")
    killed = [case for case in cases if case["killed"]]
    assert len(killed) == len(cases) - 2 >= 12
    for case in killed:
        if case["champion_before"]:
            whole(case)
        else:
            assert case["after"]["aliases"] == {"champion": "3"}, case
    back = driven(project, server, "interrupted_rollback", tmp_path / "b")
    assert [case["killed"] for case in back] == [True] * (len(back) - 1) + [False]
    for case in back:
        begun = any(entry["kind"] == "rollback" for entry in case["halfway"]["log"])
        wanted = {"champion": "2", "retired": "3"} if begun else AFTER
        assert case["after"]["aliases"] == wanted, case


@pytest.mark.repetition
def test_ten_promotions_killed_at_random_moments_leave_one_champion(
    project: Project, server: TrackingServer, tmp_path: Path
) -> None:
    cases = driven(project, server, "random_kills", tmp_path / "r")
    assert len(cases) == 10
    for case in cases:
        whole(case)


def test_of_racing_promotions_exactly_one_wins(
    project: Project, server: TrackingServer, tmp_path: Path
) -> None:
    for race in driven(project, server, "racing", tmp_path / "a"):
        winners = [one for one in race["results"] if one.get("status") == "promoted"]
        losers = [one for one in race["results"] if "refused" in one]
        assert (len(winners), len(losers)) == (1, 1), race
        assert losers[0]["exit_code"] == 3
        assert race["after"]["aliases"]["champion"] == winners[0]["champion"]
    for race in driven(project, server, "same", tmp_path / "s"):
        statuses = sorted(str(one.get("status")) for one in race["results"])
        assert statuses == ["None", "None", "None", "promoted"], race
        assert race["after"]["aliases"] == AFTER


def test_whoever_may_not_change_the_model_moves_nothing_by_a_log_of_their_own_either(
    project: Project, server: TrackingServer, tmp_path: Path
) -> None:
    reader = server.add_user("reader")
    signed = ":".join(reader.values())
    found = driven(project, server, "not_permitted", tmp_path / "n", PROMOTION_READER=signed)
    assert found["first"]["exit_code"] == 3
    assert "does not permit that to the user who signed in" in found["first"]["refused"]
    assert "\n" not in found["first"]["refused"]
    assert found["after"]["aliases"] == BEFORE
    # The administrator comes along, and does not do what the reader's entry says.
    assert "somebody who may not change" in found["carried_out"]["refused"]
    assert found["later"]["aliases"] == BEFORE


def test_a_database_that_goes_while_promoting_is_one_sentence_and_nothing_half_done(
    project: Project, server: TrackingServer, tmp_path: Path
) -> None:
    number = (server.database.data / "postmaster.pid").read_text(encoding="utf-8").split()[0]
    found = driven(project, server, "gone", tmp_path / "g", PROMOTION_DATABASE=number)
    server.database.start()
    refused = found["refused"]
    assert refused["exit_code"] == 3 and "\n" not in refused["refused"], refused
    assert "tracking.uri" in refused["refused"] and "the same command again" in refused["refused"]
    assert server.database.password not in refused["refused"]
    whole(driven(project, server, "afterwards", tmp_path / "g"))


@pytest.mark.parametrize(
    ("sign_in", "sentence"),
    [
        ({"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "guessed-wrong"},
         "does not know who comes: set MLFLOW_TRACKING_USERNAME"),
        ({}, "does not know who comes"),
    ],
)  # fmt: skip
def test_wrong_credentials_are_one_sentence(
    project: Project, server: TrackingServer, sign_in: dict[str, str], sentence: str
) -> None:
    asked = Project(project.path, {**project.extra, "MLOPS_TRACKING__URI": server.uri, **sign_in})
    for words in (["promote", "--rollback"], ["bundle", "export"], ["registry", "list"]):
        done = asked.mlops(*words, check=False)
        assert done.returncode == 3 and sentence in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1 and "guessed-wrong" not in done.stderr
    if sign_in:
        told = asked.mlops("doctor", "--env", "prod", check=False)
        assert sentence in told.stdout and "guessed-wrong" not in told.stdout, told.stdout


def test_a_server_that_does_not_answer_is_one_sentence(project: Project) -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    asked = Project(project.path, {**project.extra, "MLOPS_TRACKING__URI": uri})
    done = asked.mlops("promote", "--rollback", check=False)
    assert done.returncode == 3 and "does not answer" in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.repetition
def test_a_server_that_is_too_old_is_one_sentence_and_the_run_is_kept(
    tmp_path: Path,
) -> None:
    project = new_project(tmp_path / "shop")
    project.mlops("run")
    port = free_port()
    mlflow = server_environment(OLD) / "bin" / "mlflow"
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MLFLOW", "VIRT"))}
    kept["PATH"] = f"{mlflow.parent}:{os.environ['PATH']}"
    serve = [str(mlflow), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
             "--backend-store-uri", "sqlite:///old.db"]  # fmt: skip
    health = gives(f"http://127.0.0.1:{port}/health")
    with listening(serve, tmp_path, health, tmp_path / "log", kept):
        uri = f"http://127.0.0.1:{port}"
        asked = Project(project.path, {**project.extra, "MLOPS_TRACKING__URI": uri})
        done = asked.mlops("run", check=False)
    assert done.returncode == 3, done.stdout
    assert "is too old, or is no MLflow" in done.stderr and "3.17" in done.stderr
    assert "The reports are written" in done.stderr
