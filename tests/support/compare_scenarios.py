"""Holdouts drawn with a known effect, and how often the comparison promotes on them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from mlops_kit.compare.inference import bootstrap as resampling
from mlops_kit.compare.inference import effect as inference
from mlops_kit.compare.metrics import registry as metrics

ALPHA = 0.05

N = 4000
AUC = {"primary": {"metric": "auc", "min_effect": 0.01}}
ALL_CHECKS = AUC | {
    "guardrails": [{"metric": "log_loss", "margin": 0.05}, {"metric": "f1", "margin": 0.05}],
    "slices": {"columns": ["segment"]},
    "fairness": {"columns": ["gender"]},
    "flips": {"budget": 0.3},
}


class Drawn(NamedTuple):
    """One simulated holdout: what resampling.effect_of() takes."""

    metric: str
    truth: np.ndarray
    candidate: np.ndarray
    incumbent: np.ndarray
    design: Any


Scenario = Callable[..., Drawn]


def accuracy(
    random: np.random.Generator, effect: float = 0.0, n: int = 2000, discordant: float = 0.1
) -> Drawn:
    """Draw labels of which a share differs in being right; the effect is in accuracy."""
    truth = (random.random(n) < 0.3).astype(np.int64)
    place = random.random(n)
    wins, loses = (discordant + effect) / 2, (discordant - effect) / 2
    both = (place >= wins + loses) & (random.random(n) < 0.8)
    of_candidate, of_incumbent = place < wins, (place >= wins) & (place < wins + loses)
    candidate, incumbent = (
        np.where(both | right, truth, 1 - truth) for right in (of_candidate, of_incumbent)
    )
    return Drawn("accuracy", truth, candidate, incumbent, inference.IID)


def auc(random: np.random.Generator, effect: float = 0.0, n: int = 1000) -> Drawn:
    """Draw scores that share a signal; the effect takes noise away from the candidate."""
    truth = (random.random(n) < 0.2).astype(np.float64)
    signal = truth + random.normal(0, 1, n)
    candidate = signal + random.normal(0, 0.7 - effect, n)
    return Drawn("auc", truth, candidate, signal + random.normal(0, 0.7, n), inference.IID)


def heavy_tails(random: np.random.Generator, effect: float = 0.0, n: int = 1000) -> Drawn:
    """Draw skewed amounts whose errors grow with them: a few rows make most of the RMSE."""
    truth = random.lognormal(3, 1, n)
    shared = random.normal(0, 0.3, n)
    candidate, incumbent = (
        truth * (1 + scale * (shared + random.standard_t(5, n) * 0.3)) for scale in (1 - effect, 1)
    )
    return Drawn("rmse", truth, candidate, incumbent, inference.IID)


def users(random: np.random.Generator, effect: float = 0.0, n_users: int = 150) -> Drawn:
    """Draw users of very unequal size, each of whom one of the systems suits better."""
    size = np.minimum(1 + random.lognormal(1.5, 1, n_users).astype(np.int64), 60)
    user = random.permutation(np.repeat(np.arange(n_users), size))
    truth = random.normal(0, 1, user.size)
    candidate, incumbent = (
        truth + scale * (random.normal(0, 1, n_users)[user] + random.normal(0, 1, user.size))
        for scale in (1 - effect, 1)
    )
    return Drawn("mae", truth, candidate, incumbent, inference.Design("clustered", user))


def over_time(
    random: np.random.Generator, effect: float = 0.0, n: int = 500, memory: float = 0.6
) -> Drawn:
    """Draw daily errors of which one system's good spells follow an AR(1)."""
    shocks = random.normal(0, 1, n + 100)
    for day in range(1, n + 100):
        shocks[day] += memory * shocks[day - 1]
    truth = random.normal(0, 1, n)
    error = random.normal(0, 1, n)
    gain = 0.1 * shocks[100:] + effect
    candidate = truth + np.sign(error) * (np.abs(error) + 5 - gain)
    incumbent = truth + np.sign(error) * (np.abs(error) + 5)
    mixed = random.permutation(n)
    design = inference.Design("time", order=mixed)
    return Drawn("mae", truth[mixed], candidate[mixed], incumbent[mixed], design)


SCENARIOS: dict[str, Scenario] = {
    "accuracy": accuracy,
    "AUC": auc,
    "RMSE, heavy tails": heavy_tails,
    "clustered users": users,
    "AR(1) over time": over_time,
}


def promotions(
    scenario: Scenario,
    replicates: int,
    seed: int,
    ignore_design: bool = False,
    **settings: Any,
) -> int:
    """Count the holdouts on which the lower bound of the gain is above zero."""
    found = 0
    for replicate in range(replicates):
        drawn = scenario(np.random.default_rng((seed, replicate)), **settings)
        design = inference.IID if ignore_design else drawn.design
        effect = resampling.effect_of(
            metrics.metric_named(drawn.metric),
            drawn.truth,
            drawn.candidate,
            drawn.incumbent,
            design,
            ALPHA,
        )
        found += effect.lower > 0
    return found


def blocked_by_slices(
    replicates: int, seed: int, n_slices: int = 20, holm: bool = True, rows: int = 300
) -> int:
    """Count the holdouts on which one of many harmless slices of `rows` seems to be harmed."""
    metric, blocked = metrics.metric_named("accuracy"), 0
    for replicate in range(replicates):
        random = np.random.default_rng((seed, replicate))
        p_values = []
        for _ in range(n_slices):
            drawn = accuracy(random, n=rows)
            effect = resampling.effect_of(
                metric, drawn.truth, drawn.incumbent, drawn.candidate, drawn.design, ALPHA, few=0
            )
            p_values.append(effect.p_value(0.0))
        adjusted = inference.holm(np.array(p_values)) if holm else np.array(p_values)
        blocked += bool((adjusted <= ALPHA).any())
    return blocked


def wide_scores(candidate: float = 0.15, incumbent: float = 0.25, n: int = N) -> dict[str, Any]:
    """Scores of two systems with so much noise, on rows whose true chance is known."""
    random = np.random.default_rng(4)
    chance = random.beta(2, 3, n)
    noise = random.normal(0, 1, (2, n))
    return {
        "id": np.arange(n),
        "y_true": (random.random(n) < chance).astype(np.int64),
        "candidate": np.clip(chance + candidate * noise[0], 0, 1),
        "baseline": np.clip(chance + incumbent * noise[1], 0, 1),
        "segment": np.where(np.arange(n) % 5 == 0, "new", "known"),
        "gender": np.where(np.arange(n) % 2 == 0, "f", "m"),
    }


def tied_scores(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    truth = (random.random(n) < 0.3).astype(np.float64)
    # Rounded, so that many scores tie within and between the classes.
    first = np.round(np.clip(0.3 + 0.2 * truth + random.normal(0, 0.2, n), 0, 1), 2)
    second = np.round(np.clip(0.4 + 0.1 * truth + random.normal(0, 0.2, n), 0, 1), 1)
    return truth, first, second


def four_classes(n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(6)
    truth = random.integers(0, 4, n)
    chance = random.dirichlet(np.ones(4), n)
    chance[np.arange(n), truth] += 0.3
    return truth.astype(np.float64), chance / chance.sum(axis=1, keepdims=True)


# Metrics of several classes: by the rows, by the class, from labels, from probabilities.
SEVERAL = ("accuracy", "log_loss", "f1", "f1_weighted", "quadratic_kappa", "auc")


def several_classes(
    random: np.random.Generator, n: int = 2000, rare: float | None = None, effect: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw true codes of three classes, one of them perhaps rare, and two systems' probabilities.

    Both systems share a signal and each has noise of its own; the effect takes the candidate's.
    """
    shares = [1 / 3] * 3 if rare is None else [(1 - rare) / 2, (1 - rare) / 2, rare]
    truth = random.choice(3, n, p=shares)
    signal = 2 * np.eye(3)[truth] + np.log(shares) + random.normal(0, 1, (n, 3))
    chances = []
    for noise in (0.8 - effect, 0.8):
        odds = np.exp(signal + random.normal(0, noise, (n, 3)))
        chances.append(odds / odds.sum(axis=1, keepdims=True))
    return truth, chances[0], chances[1]


def promotions_of_classes(
    name: str, replicates: int, seed: int, n: int = 2000, **settings: Any
) -> int:
    """Count the holdouts of several classes on which the gain's lower bound is above zero."""
    metric, found = metrics.metric_named(name), 0
    for replicate in range(replicates):
        drawn = several_classes(np.random.default_rng((seed, replicate)), n, **settings)
        effect = resampling.effect_of(metric, *drawn, inference.IID, ALPHA)
        found += effect.lower > 0
    return found
