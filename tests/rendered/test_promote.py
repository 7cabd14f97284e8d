"""A promotion happens only as the decision says, once, and survives being killed at any point."""

import json
import os
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from rendering import ROOT
from running import Project, new_project

pytestmark = pytest.mark.xdist_group("promote")
DRIVER = ROOT / "tests" / "support" / "promotion_driver.py"
BEFORE = {"challenger": "3", "previous": "1", "champion": "2"}
AFTER = {"champion": "3", "previous": "2", "retired": "1"}
Scenario = Callable[[str], Any]

if not hasattr(os, "fork"):
    pytest.skip("the driver forks its promotions", allow_module_level=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("promote") / "shop")


@pytest.fixture(scope="module")
def scenario(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    """Return a function that runs one scenario of the driver and gives what it found."""

    @cache
    def run(name: str) -> Any:
        folder = tmp_path_factory.mktemp(name)
        done = project.uv("python", str(DRIVER), name, str(folder))
        return json.loads(done.stdout)

    return run


def test_a_promotion_moves_every_alias_one_place_and_a_rollback_takes_it_back(
    scenario: Scenario,
) -> None:
    found = scenario("life")
    first, again, second, back, no_way_back, no_challenger = found["steps"]
    assert first | AFTER == first
    assert (first["status"], again["status"]) == ("promoted", "done")
    assert second | {"champion": "4", "previous": "3", "retired": "2"} == second
    assert back | {"champion": "3", "previous": None, "retired": "4"} == back
    assert "nothing to roll back to" in no_way_back["refused"]
    # What was rolled back is not promoted again by the decision that is still lying there.
    assert "no challenger" in no_challenger["refused"]
    assert found["after"]["aliases"] == {"champion": "3", "retired": "4"}


def test_the_log_tells_who_promoted_what_when_and_on_which_decision(scenario: Scenario) -> None:
    entry = scenario("life")["after"]["log"][-1]
    assert entry | {"from": "2", "champion": "3", "kind": "promote", "model_sha256": "d3"} == entry
    assert len(entry["decision_sha256"]) == 64
    assert entry["who"]
    assert entry["at"].startswith("20")


def test_what_the_decision_does_not_support_is_refused_and_nothing_moves(
    scenario: Scenario,
) -> None:
    found = scenario("refusals")
    expected = {
        "reject": (1, "Nothing is promoted: reject"),
        "inconclusive": (2, "Nothing is promoted: inconclusive"),
        "no decision": (3, "There is no reports/compare/decision.json"),
        "another model": (3, "is not the model that decision.json is about"),
        "no digest": (3, "is not the model that decision.json is about"),
        "another holdout": (3, "was judged on another holdout"),
        "another decision": (3, "was registered with the decision reject"),
        "another champion": (3, "version 2 of dev.shop is the champion"),
        "not the champion": (3, 'compares with "baseline", but version 2 of dev.shop'),
        "no challenger": (3, "has no challenger"),
        "no registry": (3, "mlflow.db does not exist"),
        "stale": (3, "the decision is 40 days old"),
        "of the future": (3, "the decision is of the future"),
        "an edited decision": (3, "is not the decision with which version 3 was registered"),
    }
    assert found.keys() == expected.keys()
    for label, (code, sentence) in expected.items():
        result = found[label]["result"]
        assert result["exit_code"] == code, label
        assert sentence in result["refused"], label
        if label != "no registry":
            kept = dict(BEFORE)
            if label == "no challenger":
                del kept["challenger"]
            assert found[label]["after"] == {"aliases": kept, "log": []}, label


def test_of_two_racing_promotions_exactly_one_wins(scenario: Scenario) -> None:
    for race in scenario("racing"):
        winners = [one for one in race["results"] if one.get("status") == "promoted"]
        losers = [one for one in race["results"] if "refused" in one]
        assert (len(winners), len(losers)) == (1, 1), race
        assert "The registry moved in between" in losers[0]["refused"]
        assert losers[0]["exit_code"] == 3
        assert race["after"]["aliases"]["champion"] == winners[0]["champion"]


def test_of_four_promotions_of_one_model_exactly_one_wins(scenario: Scenario) -> None:
    for race in scenario("same"):
        statuses = sorted(str(one.get("status")) for one in race["results"])
        assert statuses == ["None", "None", "None", "promoted"], race
        assert race["after"]["aliases"] == AFTER


def test_a_promotion_killed_before_any_write_leaves_one_champion_and_is_completed(
    scenario: Scenario,
) -> None:
    runs = scenario("interrupted")
    killed = [run for run in runs if run["killed"]]
    # Each write was hit: only the last run of either registry came through alive.
    assert len(killed) == len(runs) - 2
    assert len(killed) >= 10
    for run in killed:
        halfway = run["halfway"]["aliases"]
        if run["champion_before"]:
            assert halfway["champion"] in ("2", "3"), run
        assert run["again"]["status"] in ("promoted", "done"), run
        wanted = AFTER if run["champion_before"] else {"champion": "3"}
        assert run["after"]["aliases"] == wanted, run
        assert (run["third"]["status"], run["third"]["completed"]) == ("done", False)
    assert any(run["again"].get("completed") for run in killed)


@pytest.mark.repetition
def test_a_rollback_killed_before_any_write_leaves_one_champion_and_is_completed(
    scenario: Scenario,
) -> None:
    runs = scenario("interrupted_rollback")
    assert [run["killed"] for run in runs] == [True] * (len(runs) - 1) + [False]
    for run in runs:
        assert run["halfway"]["aliases"]["champion"] in ("2", "3"), run
        # Killed before its intent was written, it never happened.
        begun = any(entry["kind"] == "rollback" for entry in run["halfway"]["log"])
        wanted = {"champion": "2", "retired": "3"} if begun else AFTER
        assert run["after"]["aliases"] == wanted, run


def test_a_promotion_that_was_overtaken_while_it_slept_overwrites_nothing(
    scenario: Scenario,
) -> None:
    for case in scenario("overtaken"):
        assert case["quick"]["status"] == "promoted", case
        aliases = {"champion": "4", "previous": "3", "retired": "2"}
        assert case["after"]["aliases"] == aliases, case


def test_the_command_refuses_in_one_sentence_and_exits_as_the_gate_does(project: Project) -> None:
    done = project.mlops("promote", check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("error: Nothing is promoted: There is no reports/compare")
    assert done.stderr.count("\n") == 1
