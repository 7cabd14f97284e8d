"""The verbs around a comparison: exact boundaries, honest risks, and systems from elsewhere."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from mlops_kit.operate.experiments import abtest, sequential, shadow
from running import Project, new_project, replace
from scipy.stats import multivariate_normal
from stages import command, pipeline

# Reboussin, DeMets, Kim and Lan (2000) and gsDesign's sfLDOF: Lan-DeMets boundaries like those of
# O'Brien and Fleming at equal looks, one-sided 2.5 %.
LAN_DEMETS = {
    2: [2.963, 1.969],
    3: [3.710, 2.511, 1.993],
    4: [4.333, 2.963, 2.359, 2.014],
    5: [4.877, 3.357, 2.680, 2.290, 2.031],
}
# Jennison and Turnbull (2000), table 2.3, two-sided 5 %: the bound at look k of K is c sqrt(K / k).
OBRIEN_FLEMING = {2: 1.977, 3: 2.004, 4: 2.024, 5: 2.040, 10: 2.087}


@pytest.mark.parametrize("looks", LAN_DEMETS)
def test_boundaries_are_those_of_the_published_tables(looks: int) -> None:
    shares = [(look + 1) / looks for look in range(looks)]
    assert sequential.boundaries(shares, 0.025) == pytest.approx(LAN_DEMETS[looks], abs=6e-4)


@pytest.mark.parametrize("looks", OBRIEN_FLEMING)
def test_the_published_constants_spend_the_published_risk(looks: int) -> None:
    shares = [(look + 1) / looks for look in range(looks)]
    bounds = [OBRIEN_FLEMING[looks] / np.sqrt(share) for share in shares]
    risk = sum(sequential.crossing_probabilities(shares, bounds))
    # The constants have three decimals: each changes the risk by less than this.
    assert risk == pytest.approx(0.025, abs=6e-5)


@pytest.mark.parametrize("drift", [0.0, 2.8])
def test_crossing_probabilities_equal_a_multivariate_normal(drift: float) -> None:
    """Looks at uneven shares, against scipy's integration of the joint distribution."""
    shares, bounds = np.array([0.2, 0.55, 0.6, 1.0]), np.array([4.2, 2.4, 2.3, 1.7])
    joint = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
    stays = multivariate_normal(
        drift * np.sqrt(shares), joint, abseps=1e-9, releps=1e-9, maxpts=4_000_000, seed=1
    ).cdf(bounds)
    found = sum(sequential.crossing_probabilities(shares.tolist(), bounds.tolist(), drift))
    assert found == pytest.approx(1 - stays, abs=1e-6)


def simulated(effect: float, times: int, folder: Path) -> float:
    """Return how often a test of 400 users with four looks ends with promote."""
    random, promoted = np.random.default_rng(9), 0
    config = abtest.ABTest(units=400)
    for _ in range(times):
        arms = random.permutation(np.arange(400) % 2)
        outcome = random.exponential(1.0, 400) + effect * arms
        past: list[float] = []
        for share in config.looks:
            n = int(400 * share)
            of = abtest.Arms(outcome[:n][arms[:n] == 0], outcome[:n][arms[:n] == 1], 0.0, 0)
            decision = abtest._look(of, config, past, share)["decision"]
            past.append(share)
            if decision != "continue":
                promoted += decision == "promote"
                break
    return promoted / times


def test_four_looks_at_nothing_promote_no_more_often_than_agreed(tmp_path: Path) -> None:
    """At 5 % and 1,000 tests, more than 6.6 % would be a one in a hundred accident."""
    assert simulated(0.0, 1000, tmp_path) <= 0.066


def test_four_looks_find_a_real_effect(tmp_path: Path) -> None:
    """0.28 standard deviations, 200 users an arm: a single look at the end finds 88 %."""
    assert simulated(0.28, 300, tmp_path) > 0.80


@pytest.mark.parametrize(("share", "n"), [(0.5, 40), (0.95, 400)])
def test_the_bounds_of_a_quantile_hold_as_often_as_they_say(share: float, n: int) -> None:
    random, below, above = np.random.default_rng(4), 0, 0
    true = -np.log(1 - share)
    for _ in range(2000):
        check = shadow._quantile("p", random.exponential(1.0, n), share, None, 0.05)
        below += check["upper"] < true
        above += check["lower"] > true
    assert below / 2000 <= 0.062
    assert above / 2000 <= 0.062


def test_the_bounds_of_a_share_are_the_exact_ones() -> None:
    """No flip in 59 requests bounds the share by 1 - 0.05**(1/59), the rule of three's source."""
    none, all_of = (shadow._share("flips", count, 59, 0.05, 0.05) for count in (0, 59))
    assert none["upper"] == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-12)
    assert (none["lower"], all_of["upper"]) == (0.0, 1.0)
    assert all_of["lower"] == pytest.approx(0.05 ** (1 / 59), abs=1e-12)


# In a rendered repository

AWK = (
    r"""{ match($0, /"orders_365": [0-9.]+/); print substr($0, RSTART + 14, RLENGTH - 14) / 100 }"""
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = new_project(tmp_path_factory.mktemp("verbs") / "shop", {"task": "classification"})
    sources = project.path / "conf" / "sources.yaml"
    replace(
        sources,
        "customers: 5000, products: 300, order_lines: 60000",
        "customers: 1200, products: 60, order_lines: 14000",
    )
    return project


def compared_with(
    project: Project, incumbent: Any, run: Callable[[Project], Any] = pipeline
) -> dict[str, Any]:
    """Run the pipeline with another incumbent and return the decision."""
    file = project.path / "conf" / "compare.yaml"
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content |= {"incumbent": incumbent, "case": "C"}
    content["primary"]["min_effect"] = 0.0
    content["inference"]["reuse"] = "free"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    run(project)
    report = project.path / "reports" / "compare" / "decision.json"
    return json.loads(report.read_text(encoding="utf-8"))


@pytest.mark.xdist_group("verbs")
def test_incumbents_from_elsewhere_and_the_life_of_a_promotion(project: Project) -> None:
    """One repository, one story: a program, then its logged decisions, then the own champion."""
    shutil.which("awk") or pytest.skip("awk is not here")
    program = {"kind": "command", "name": "legacy", "command": ["awk", AWK]}
    first = compared_with(project, program)
    assert first["incumbent"]["name"] == "legacy"
    assert 0.6 < first["incumbent"]["value"] < first["candidate"]["value"]
    assert first["decision"] == "promote"

    table = pd.read_parquet(project.path / "data/open/predictions.parquet")
    logged = table[table["system"] == "legacy"].sample(frac=1, random_state=1)
    logged.rename(columns={"score": "decided"})[["id", "time", "decided"]].to_csv(
        project.path / "legacy.csv", index=False
    )
    spec = {"kind": "logged", "name": "legacy", "file": "legacy.csv", "column": "decided"}
    again = compared_with(project, spec | {"time": "time"}, lambda it: it.mlops("run"))
    assert again["incumbent"]["value"] == pytest.approx(first["incumbent"]["value"], abs=1e-12)
    assert again["primary"]["estimate"] == pytest.approx(first["primary"]["estimate"], abs=1e-12)
    assert again["incumbent"]["digest"] != first["incumbent"]["digest"]

    champion = {"kind": "mlflow", "name": "champion"}
    missing = project.path / "conf" / "compare.yaml"
    before = missing.read_text(encoding="utf-8")
    missing.write_text(
        yaml.safe_dump(yaml.safe_load(before) | {"incumbent": champion}), encoding="utf-8"
    )
    refused = project.mlops("run", check=False)
    assert refused.returncode == 3
    assert "has no version with the alias champion" in refused.stderr
    missing.write_text(before, encoding="utf-8")

    promoted = json.loads(project.mlops("promote", "--json").stdout)
    assert (promoted["status"], promoted["previous"]) == ("promoted", None)
    assert json.loads(project.mlops("promote", "--json").stdout)["status"] == "done"
    same = compared_with(project, champion)
    assert same["incumbent"]["digest"] == same["candidate"]["digest"]
    assert same["decision"] == "reject"
    assert "No change" in same["reasons"][0]
    unmoved = project.mlops("promote", check=False)
    assert unmoved.returncode == 1
    assert "Nothing is promoted" in unmoved.stderr


@pytest.mark.xdist_group("verbs")
def test_each_verb_exits_as_the_table_says(project: Project, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    arm = np.where(random.random(600) < 0.5, "treatment", "control")
    outcome = random.normal(0, 1, 600) + (arm == "treatment")
    pd.DataFrame({"unit": range(600), "arm": arm, "outcome": outcome}).to_csv(tmp_path / "ab.csv")
    log = pd.DataFrame({"id": range(300), "incumbent": 1, "candidate": 1})
    log.to_csv(tmp_path / "log.csv")
    look = ["compare", "abtest", "--data", str(tmp_path / "ab.csv"), "--out", str(tmp_path)]
    seen = ["compare", "shadow", "--data", str(tmp_path / "log.csv"), "--max-disagreement"]
    for words, code in (
        ([*look, "--units", "10000"], 2),
        ([*look, "--units", "1000"], 0),
        ([*look, "--units", "1200"], 3),
        (look, 3),
        ([*seen, "0.05"], 0),
        ([*seen, "0.001"], 2),
        (["compare", "plan", "--min-effect", "0"], 3),
    ):
        done = command(project, words)
        assert done.returncode == code, (words, done.stderr)
        assert ("error: " in done.stderr) == (code == 3)
        assert "Traceback" not in done.stderr
