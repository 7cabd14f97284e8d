"""How often two columns that give the outcome together are named, and others are not.

Run as ``PYTHONPATH=tests/support uv run --frozen python benchmarks/leaks_of_pairs.py [TABLES]``.
The kinds are what a data scientist meets: a profit beside its revenue and cost, a delay beside the
promised and the true day. Written by the hand that wrote the check; the honest tables are by
another one (``leaks_independent.py``), whose `rule_of_two` and `product_and_sum` are counted apart:
there the outcome is a rule of two columns, and nothing in the table says that it is no leak. Fails
when fewer than 95 % of the leaks are named, or more than 1 % of the honest tables are doubted
because of a pair, by the bounds of the intervals.
"""

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from leak_checks import HOLDOUT, shares
from leaks_independent import SHARES, SIZES, Rng, ordinary, strong_and_honest
from mlops_kit.train.evidence import telling

TABLES = 1000
RULES = ("rule_of_two", "product_and_sum")
Made = tuple[Any, Any, Any]


def money(n: int, rng: Rng) -> Any:
    """Draw amounts of two digits over some orders of magnitude."""
    return np.round(rng.lognormal(float(rng.uniform(1, 6)), float(rng.uniform(0.3, 1.2)), n), 2)


def parts_of(n: int, rng: Rng) -> tuple[Any, Any]:
    """Return an amount, and another that follows it."""
    whole = money(n, rng)
    return whole, np.round(whole * rng.uniform(0.4, 1.1, n), 2)


def profit(n: int, rng: Rng) -> Made:
    """Take cost from revenue."""
    revenue, cost = parts_of(n, rng)
    return revenue, cost, revenue - cost


def total(n: int, rng: Rng) -> Made:
    """Add freight to a price, one of them in another currency."""
    price, more = parts_of(n, rng)
    return price, more / 1.17, np.round(price + more, 2)


def revenue(n: int, rng: Rng) -> Made:
    """Multiply price and pieces."""
    price, pieces = money(n, rng), rng.integers(1, 30, n)
    return price, pieces, np.round(price * pieces, 2)


def rate(n: int, rng: Rng) -> Made:
    """Give clicks of impressions, or unemployed of all, to four digits."""
    shown = rng.integers(50, 50_000, n)
    clicks = rng.binomial(shown, np.clip(rng.beta(2, 8, n), 0.01, 0.9))
    return shown, clicks, np.round(clicks / shown, 4)


def growth(n: int, rng: Rng) -> Made:
    """Set this year against the last one, in percent to one digit."""
    last, this = parts_of(n, rng)
    return this, last, np.round(100 * (this / last - 1), 1)


def body_mass(n: int, rng: Rng) -> Made:
    """Divide weight by the square of height."""
    weight, height = np.round(rng.normal(75, 14, n), 1), np.round(rng.normal(1.72, 0.1, n), 2)
    return weight, height, np.round(weight / height**2, 1)


def body_class(n: int, rng: Rng) -> Made:
    """Class the body mass index."""
    weight, height, _ = body_mass(n, rng)
    return weight, height, np.digitize(weight / height**2, [18.5, 25, 30])


def late(n: int, rng: Rng) -> Made:
    """Compare the day of arrival with the promised one."""
    promised = rng.integers(0, 700, n) + (rng.random(n) if rng.random() < 0.5 else 0)
    delay = rng.normal(-2, 3, n)
    arrived = promised + (delay if rng.random() < 0.5 else np.round(delay))
    return arrived, promised, (arrived > promised).astype(int)


def over_limit(n: int, rng: Rng) -> Made:
    """Compare two incomes together with a limit."""
    one, other = parts_of(n, rng)
    return one, other, (one + other > np.quantile(one + other, rng.uniform(0.6, 0.9))).astype(int)


def over_share(n: int, rng: Rng) -> Made:
    """Compare a debt with a share of the income."""
    income, debt = parts_of(n, rng)
    ratio = debt / income
    return debt, income, (ratio > np.quantile(ratio, rng.uniform(0.5, 0.9))).astype(int)


def winner(n: int, rng: Rng) -> Made:
    """Tell home, draw or away by the goals of both teams."""
    home, away = rng.poisson(1.6, n), rng.poisson(1.2, n)
    return home, away, np.sign(home - away) + 1


def mismatch(n: int, rng: Rng) -> Made:
    """Tell whether the room that was given is the one that was asked for."""
    asked = rng.choice(list("ABCDEF"), n)
    given = np.where(rng.random(n) < 0.8, asked, rng.choice(list("ABCDEF"), n))
    return asked, given, (asked != given).astype(int)


AMOUNTS: tuple[Callable[[int, Rng], Made], ...] = (profit, total, revenue, rate, growth, body_mass)
CLASSES: tuple[Callable[[int, Rng], Made], ...] = (
    *(body_class, late, over_limit, over_share, winner, mismatch),
)


def named(features: pd.DataFrame, outcome: Any, classes: list[Any] | None, seed: int) -> set[str]:
    """Name the columns of all pairs that are found, on a split by chance."""
    held = np.random.default_rng([seed, len(features)]).random(len(features)) < HOLDOUT
    rows = features.assign(y_true=np.asarray(outcome))
    train, holdout = rows.loc[~held], rows.loc[held]
    _, pairs = telling(train, holdout, [str(name) for name in features], classes)
    return {name for pair in pairs for name in pair.features}


def leaks(tables: int) -> tuple[Counter[str], int]:
    """Count the kinds of leaks whose pair is not named, and tables in which others are."""
    missed, others = Counter(dict.fromkeys((kind.__name__ for kind in (*AMOUNTS, *CLASSES)), 0)), 0
    for seed in range(tables):
        kind, rng = (*AMOUNTS, *CLASSES)[seed % 12], np.random.default_rng([15, 3, seed])
        one, other, outcome = kind(int(rng.choice(SIZES, p=SHARES)), rng)
        amount = kind in AMOUNTS
        columns = ordinary(np.asarray(outcome), "amount" if amount else "classes", rng)
        frame = pd.DataFrame({**columns, "one": one, "other": other})
        frame = frame.select_dtypes(exclude="datetime")
        found = named(frame, outcome, None if amount else sorted(set(outcome.tolist())), seed)
        missed[kind.__name__] += not {"one", "other"} <= found
        others += bool(found - {"one", "other"})
    return missed, others


def honest(tables: int) -> tuple[Counter[str], Counter[str]]:
    """Count the honest tables of each kind, and those of which a pair is named."""
    drawn, doubted = Counter[str](), Counter[str]()
    for table in strong_and_honest(tables):
        classes = sorted(table.outcome.unique()) if table.task == "classes" else None
        frame = table.features.select_dtypes(exclude="datetime")
        drawn[table.kind] += 1
        doubted[table.kind] += bool(named(frame, table.outcome, classes, table.seed))
    return drawn, doubted


def main() -> int:
    """Draw, judge and print; return 1 when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="?", type=int, default=TABLES)
    tables = parser.parse_args().tables
    warnings.filterwarnings("ignore")
    missed, others = leaks(tables)
    said, low, _ = shares("pairs named", tables - missed.total(), tables)
    print(f"{said} of {tables:,}; other columns named in {others}; missed by kind: {dict(missed)}")
    drawn, doubted = honest(tables)
    rules = sum(drawn[kind] for kind in RULES)
    of_rules = sum(doubted[kind] for kind in RULES)
    rest = drawn.total() - rules
    said, _, high = shares("honest tables doubted", doubted.total() - of_rules, rest)
    print(f"{said} of {rest:,}; of {rules:,} tables with a rule of two columns {of_rules:,}")
    print("doubted by kind:", {kind: count for kind, count in doubted.items() if count})
    return int(low < 95 or high > 1)


if __name__ == "__main__":
    sys.exit(main())
