"""Tables with a feature that gives the outcome away, and honest tables with strong features.

Written from the requirement alone, before there was a detector: nothing here knows how features
are judged. A table is drawn from a seed; `LEAKS` and `HONEST` name the kinds.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

Random = np.random.Generator
Array = np.ndarray

# No value of a leak may be so rare that chance alone explains it: rows of a value in the table.
ROWS_OF_A_VALUE = 75


@dataclass(frozen=True)
class Table:
    """Rows with an `id`, an `outcome` and features; `leak` names the feature that gives it away."""

    kind: str
    task: str
    rows: pl.DataFrame
    leak: str | None = None


def features_and_score(rng: Random, rows: int) -> tuple[dict[str, Array], Array]:
    """Draw features as a shop has them, and a score of variance 1 that depends on them."""
    age = rng.integers(18, 90, rows)
    spend = np.round(rng.lognormal(4, 1, rows), 2)
    visits = rng.poisson(3, rows)
    region = rng.choice(["north", "south", "east", "west"], rows, p=[0.4, 0.3, 0.2, 0.1])
    weights = rng.normal(size=3)
    parts = np.stack([age / 20, np.log(spend), visits / 2])
    score = weights @ (parts - parts.mean(axis=1, keepdims=True)) + 0.5 * (region == "north")
    columns = {"age": age, "spend": spend, "visits": visits, "region": region}
    return columns, (score - score.mean()) / score.std()


def outcome_of(rng: Random, score: Array, rate: float, noise: float = 1.0) -> Array:
    """Return 0 and 1, the share `rate` being 1: those whose score and noise are highest."""
    latent = score + noise * rng.normal(size=len(score))
    return (latent > np.quantile(latent, 1 - rate)).astype(np.int64)


def amount_of(rng: Random, score: Array) -> Array:
    """Return amounts of money (two digits) that depend on the score."""
    scale, spread = 10 ** rng.uniform(0, 4), rng.uniform(0.1, 0.8)
    return np.round(scale * np.exp(spread * (score + rng.normal(size=len(score)))), 2)


def table(
    rng: Random,
    kind: str,
    task: str,
    columns: dict[str, Array],
    outcome: Array,
    given: Array | None,
) -> Table:
    """Put the columns in some order, the one that is given away under a name that says nothing."""
    name = str(rng.choice(["code", "value", "field_7", "level", "info"]))
    all_of_them = columns | ({name: given} if given is not None else {})
    order = rng.permutation(list(all_of_them))
    rows = {"id": np.arange(len(outcome))} | {
        str(one): all_of_them[str(one)].tolist() for one in order
    }
    frame = pl.DataFrame(rows | {"outcome": outcome})
    return Table(kind, task, frame, name if given is not None else None)


def binary(rng: Random) -> tuple[dict[str, Array], Array]:
    """Draw a classification whose rarer outcome is still frequent enough to be judged."""
    rows = int(rng.integers(800, 5000))
    columns, score = features_and_score(rng, rows)
    return columns, outcome_of(rng, score, rng.uniform(0.1, 0.9))


def amounts(rng: Random) -> tuple[dict[str, Array], Array]:
    """Draw a regression on amounts."""
    columns, score = features_and_score(rng, int(rng.integers(400, 5000)))
    return columns, amount_of(rng, score)


def either(values: Array, zero: object, one: object) -> Array:
    """Write 0 and 1 as two other values."""
    return np.array([one if value else zero for value in values], dtype=object)


def leak_text(rng: Random, kind: str) -> Table:
    """Give the outcome as words, or an amount as text."""
    if rng.random() < 0.3:
        columns, outcome = amounts(rng)
        unit = str(rng.choice(["", " EUR", " kg"]))
        return table(
            rng, kind, "regression", columns, outcome, np.array([f"{x:.2f}{unit}" for x in outcome])
        )
    columns, outcome = binary(rng)
    words = [("no", "yes"), ("N", "Y"), ("open", "closed"), ("false", "true"), ("", "x")]
    zero, one = words[rng.integers(len(words))]
    return table(rng, kind, "classification", columns, outcome, either(outcome, zero, one))


def leak_boolean(rng: Random, kind: str) -> Table:
    """Give the outcome as a boolean."""
    columns, outcome = binary(rng)
    return table(rng, kind, "classification", columns, outcome, outcome == 1)


def leak_inverted(rng: Random, kind: str) -> Table:
    """Give the opposite: a boolean, a number, a word or an amount below zero."""
    if rng.random() < 0.25:
        columns, outcome = amounts(rng)
        return table(rng, kind, "regression", columns, outcome, -outcome)
    columns, outcome = binary(rng)
    spellings = [outcome == 0, 1 - outcome, 1.0 - outcome, either(outcome, "kept", "lost")]
    return table(
        rng, kind, "classification", columns, outcome, spellings[rng.integers(len(spellings))]
    )


def leak_rescaled(rng: Random, kind: str) -> Table:
    """Give the outcome in another unit, shifted, or rounded to what a report prints."""
    if rng.random() < 0.3:
        columns, outcome = binary(rng)
        given = outcome * rng.uniform(-50, 50) + rng.uniform(-10, 10)
        return table(rng, kind, "classification", columns, outcome, given)
    columns, outcome = amounts(rng)
    factor = float(rng.choice([100, 0.001, 1.21, -1, 0.92])) * rng.uniform(0.5, 2)
    given = outcome * factor + rng.choice([0.0, 5.0, -273.15])
    if rng.random() < 0.5:
        given = np.round(given, int(np.ceil(3 - np.log10(given.std()))))
    return table(rng, kind, "regression", columns, outcome, given)


def leak_recoded(rng: Random, kind: str) -> Table:
    """Give a category of several codes, each of which occurs with one outcome only."""
    columns, outcome = binary(rng)
    given = np.empty(len(outcome), dtype=object)
    letters = rng.permutation([f"{a}{n}" for a in "ABCDE" for n in range(10)])
    for value in (0, 1):
        here = np.flatnonzero(outcome == value)
        codes = int(rng.integers(1, 1 + max(1, min(6, len(here) // ROWS_OF_A_VALUE))))
        mine = letters[value * 10 : value * 10 + codes]
        given[here] = rng.choice(mine, len(here))
    if rng.random() < 0.3:
        numbers = {code: int(n) for n, code in enumerate(letters)}
        given = np.array([numbers[code] for code in given])
    return table(rng, kind, "classification", columns, outcome, given)


def leak_monotone(rng: Random, kind: str) -> Table:
    """Give an amount that was bent but keeps its order."""
    columns, outcome = amounts(rng)
    ranks = outcome.argsort().argsort()
    bent = [np.log1p(outcome), np.sqrt(outcome), outcome**2, -1 / (1 + outcome), ranks, -ranks]
    return table(rng, kind, "regression", columns, outcome, bent[rng.integers(len(bent))])


def leak_nearly(rng: Random, kind: str) -> Table:
    """Give the outcome, but in up to one of a hundred rows of each value something else."""
    wrong = rng.uniform(0.001, 0.01)
    if rng.random() < 0.4:
        columns, outcome = amounts(rng)
        given = outcome * rng.uniform(0.5, 2)
        changed = rng.random(len(outcome)) < wrong
        given[changed] *= rng.uniform(0.3, 3, changed.sum())
        return table(rng, kind, "regression", columns, outcome, given)
    columns, outcome = binary(rng)
    given = np.where(rng.random(len(outcome)) < wrong, 1 - outcome, outcome)
    spelt = given if rng.random() < 0.5 else either(given, "no", "yes")
    return table(rng, kind, "classification", columns, outcome, spelt)


def leak_present(rng: Random, kind: str) -> Table:
    """Give what is there, or above zero, only after the event: a refund, a closing note."""
    columns, outcome = binary(rng)
    value = np.round(rng.lognormal(3, 1, len(outcome)), 2) + 0.01
    notes = np.array([f"note {n}" for n in rng.integers(0, 10**6, len(outcome))], dtype=object)
    filled: Array = notes if rng.random() < 0.3 else value.astype(object)
    empty = None if filled is notes or rng.random() < 0.6 else 0.0
    side = int(rng.integers(2))
    given = np.array([x if y == side else empty for x, y in zip(filled, outcome, strict=True)])
    return table(
        rng,
        kind,
        "classification",
        columns,
        outcome,
        np.array(given.tolist(), dtype=object if filled is notes or empty is None else float),
    )


def honest_score(rng: Random, kind: str) -> Table:
    """Give a measurement with an AUC of about .9 to .995."""
    columns, outcome = binary(rng)
    gap = rng.uniform(1.8, 3.6)
    columns["measure"] = gap * outcome + rng.normal(size=len(outcome))
    return table(rng, kind, "classification", columns, outcome, None)


def honest_separable(rng: Random, kind: str) -> Table:
    """Give a measurement that separates the outcomes without an error, as in botany."""
    columns, outcome = binary(rng)
    width = rng.uniform(0.2, 3)
    columns["petal"] = (1 + width) * outcome + rng.uniform(0, 1, len(outcome))
    return table(rng, kind, "classification", columns, outcome, None)


def honest_category(rng: Random, kind: str) -> Table:
    """Give a category of which some values always have one outcome and others do not."""
    columns, outcome = binary(rng)
    rows = len(outcome)
    plan = rng.choice(["basic", "plus", "family", "student", "trial"], rows)
    pure = rng.random(rows) < rng.uniform(0.3, 0.8)
    columns["plan"] = np.where(pure & (outcome == 0), "free", plan)
    return table(rng, kind, "classification", columns, outcome, None)


def honest_codes(rng: Random, kind: str) -> Table:
    """Give codes with few rows each (shops, postcodes), some of one outcome by chance."""
    rows = int(rng.integers(800, 5000))
    columns, score = features_and_score(rng, rows)
    shop = rng.integers(0, rows // int(rng.integers(2, 12)), rows)
    outcome = outcome_of(rng, score + 2 * rng.normal(size=rows)[shop], rng.uniform(0.1, 0.5))
    columns["shop"] = shop if rng.random() < 0.5 else np.array([f"S{s}" for s in shop])
    return table(rng, kind, "classification", columns, outcome, None)


def honest_flag(rng: Random, kind: str) -> Table:
    """Give a flag that agrees with 85 to 97 % of the rows of each outcome."""
    columns, outcome = binary(rng)
    agree = rng.random(len(outcome)) < rng.uniform(0.85, 0.97)
    flag = np.where(agree, outcome, 1 - outcome)
    spellings = [flag, flag == 1, either(flag, "no", "yes")]
    columns["flag"] = spellings[rng.integers(len(spellings))]
    return table(rng, kind, "classification", columns, outcome, None)


def honest_rare(rng: Random, kind: str) -> Table:
    """Give flags that agree with nearly all rows, because flag and outcome are rare."""
    rows = int(rng.integers(2000, 8000))
    columns, score = features_and_score(rng, rows)
    outcome = outcome_of(rng, score, rng.uniform(0.005, 0.03))
    caught = (outcome == 1) & (rng.random(rows) < rng.uniform(0, 0.8))
    columns["alarm"] = (caught | (rng.random(rows) < 0.003)).astype(np.int64)
    columns["never"] = (rng.random(rows) < 0.002).astype(np.int64)
    return table(rng, kind, "classification", columns, outcome, None)


def honest_linear(rng: Random, kind: str) -> Table:
    """Give an amount that follows a feature with a correlation of .9 to .998."""
    columns, score = features_and_score(rng, int(rng.integers(400, 5000)))
    outcome = amount_of(rng, score)
    r = rng.uniform(0.9, 0.998)
    noise = outcome.std() * np.sqrt(1 / r**2 - 1)
    columns["estimate"] = outcome + noise * rng.normal(size=len(outcome))
    return table(rng, kind, "regression", columns, outcome, None)


def honest_product(rng: Random, kind: str) -> Table:
    """Give an amount that two features make together, or one in order, with noise."""
    rows = int(rng.integers(400, 5000))
    columns, score = features_and_score(rng, rows)
    if rng.random() < 0.5:
        columns["price"] = np.round(rng.lognormal(3, 0.5, rows), 2)
        columns["quantity"] = rng.integers(1, 6, rows)
        outcome = columns["price"] * columns["quantity"]
    else:
        outcome = amount_of(rng, score)
        columns["size"] = np.log(outcome) + rng.uniform(0.02, 0.2) * rng.normal(size=rows)
    return table(rng, kind, "regression", columns, outcome, None)


Draw = Callable[[Random, str], Table]
LEAKS: dict[str, Draw] = {
    "text": leak_text,
    "boolean": leak_boolean,
    "inverted": leak_inverted,
    "rescaled": leak_rescaled,
    "recoded": leak_recoded,
    "monotone": leak_monotone,
    "nearly": leak_nearly,
    "present": leak_present,
}
HONEST: dict[str, Draw] = {
    "strong score": honest_score,
    "separable": honest_separable,
    "category": honest_category,
    "codes": honest_codes,
    "flag": honest_flag,
    "rare outcome": honest_rare,
    "nearly linear": honest_linear,
    "product": honest_product,
}


def draw(kinds: dict[str, Draw], number: int) -> Table:
    """Return the table of this number: kinds take turns, each table has a seed of its own."""
    kind = list(kinds)[number % len(kinds)]
    return kinds[kind](np.random.default_rng([number, len(kind)]), kind)
