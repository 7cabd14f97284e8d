"""Tables with a leak, and honest ones with strong features, by a hand that had not seen the checks.

Written from the words of the requirement alone, before the checks were read, as a data scientist
meets such columns at work. Each kind belongs to one half: what the checks do wrong is looked at and
mended on ``development`` kinds only, ``held_out`` kinds are counted and never looked at one by one.
Odd seeds of development kinds are held out too. Three kinds (`id_prefix`, `with_tax`,
`later_total`) were held out until their count, nought, led to a mend; since then they are none.
``leaks_independent_run.py`` judges them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

# The docstring of a kind says what its column, or its table, is.
# ruff: noqa: D101, D103, D401

SIZES = (200, 500, 1_000, 2_000, 5_000, 20_000)
SHARES = (0.25, 0.22, 0.2, 0.15, 0.1, 0.08)
RATES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
STRONGEST = 2.9044  # distance of two normal groups, in standard deviations, at which AUC is .98

Rng = np.random.Generator


@dataclass
class Table:
    """One table: its features by column, its outcome, and which columns are leaks.

    ``task`` is ``binary``, ``classes`` or ``amount``; ``rare`` counts the rows of the rarest
    outcome (of an amount, all rows).
    """

    kind: str
    half: str
    seed: int
    task: str
    features: pd.DataFrame
    outcome: pd.Series
    leaks: frozenset[str]
    rare: int = field(init=False)

    def __post_init__(self) -> None:
        counts = self.outcome.value_counts()
        self.rare = len(self.outcome) if self.task == "amount" else int(counts.min())


@dataclass(frozen=True)
class Kind:
    name: str
    half: str
    tasks: tuple[str, ...]
    make: Callable[..., Any]


LEAKS: list[Kind] = []
HONEST: list[Kind] = []


def leak(half: str, *tasks: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(make: Callable[..., Any]) -> Callable[..., Any]:
        LEAKS.append(Kind(make.__name__, half, tasks, make))
        return make

    return register


def honest(half: str, *tasks: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(make: Callable[..., Any]) -> Callable[..., Any]:
        HONEST.append(Kind(make.__name__, half, tasks, make))
        return make

    return register


# Outcomes and ordinary columns


def outcome_of(task: str, n: int, rng: Rng) -> np.ndarray:
    """0/1 with a base rate of 1 % to 50 %, classes 0..k-1 (k 3 to 6), or an amount."""
    if task == "binary":
        y = (rng.random(n) < rng.choice(RATES)).astype(int)
        y[:2] = (0, 1)
        return rng.permutation(y)
    if task == "classes":
        k = int(rng.integers(3, 7))
        weights = rng.dirichlet(np.full(k, float(rng.choice([1.5, 5.0, 50.0]))))
        y = rng.choice(k, size=n, p=weights)
        y[: 2 * k] = np.repeat(np.arange(k), 2)
        return rng.permutation(y)
    shape = rng.choice(["normal", "lognormal", "uniform", "gamma"])
    scale = float(rng.choice([1.0, 25.0, 1_000.0]))
    draw = {
        "normal": lambda: rng.normal(5, 1, n),
        "lognormal": lambda: rng.lognormal(1, 0.7, n),
        "uniform": lambda: rng.uniform(1, 10, n),
        "gamma": lambda: rng.gamma(2, 2, n) + 0.1,
    }[str(shape)]
    return draw() * scale


def latent(y: np.ndarray, task: str) -> np.ndarray:
    """The outcome on a scale of about one standard deviation, for ordinary columns to follow."""
    if task == "amount":
        return (pd.Series(y).rank(pct=True).to_numpy() - 0.5) * 3.4
    return y.astype(float)


def ordinary(y: np.ndarray, task: str, rng: Rng, most: int = 9) -> dict[str, Any]:
    """Two to ``most`` honest columns of mixed types, some of which follow the outcome loosely."""
    n, z, columns = len(y), latent(y, task), {}
    for i in range(int(rng.integers(2, most + 1))):
        follow = float(rng.choice([0, 0.3, 0.8, 1.5]))
        base = follow * z * rng.choice([-1, 1]) + rng.normal(size=n)
        shape = rng.choice(["float", "count", "word", "rounded", "flag", "day", "gaps"])
        if shape == "float":
            columns[f"c{i}"] = base
        elif shape == "count":
            columns[f"c{i}"] = rng.poisson(np.exp(np.clip(0.4 * base, -3, 3)))
        elif shape == "word":
            cuts = np.quantile(base, [0.3, 0.55, 0.8])
            columns[f"c{i}"] = np.array(["north", "south", "east", "west"])[np.digitize(base, cuts)]
        elif shape == "rounded":
            columns[f"c{i}"] = np.round(base * 10) * 5 + 40
        elif shape == "flag":
            columns[f"c{i}"] = base > np.quantile(base, 0.7)
        elif shape == "day":
            columns[f"c{i}"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(
                rng.integers(0, 700, n), unit="D"
            )
        else:
            columns[f"c{i}"] = np.where(rng.random(n) < 0.2, np.nan, base)
    return columns


def labels(y: np.ndarray, words: list[str]) -> np.ndarray:
    return np.array(words, dtype=object)[y]


def codes(y: np.ndarray, rng: Rng, a_class: int = 1) -> np.ndarray:
    """Which of ``a_class`` sub-codes of its own class each row has: 0..k*a_class-1."""
    return y * a_class + rng.integers(0, a_class, len(y))


def moments(n: int, rng: Rng, start: str = "2023-01-01", days: int = 600) -> pd.Series:
    return pd.Series(
        pd.Timestamp(start) + pd.to_timedelta(rng.integers(0, days * 86_400, n), unit="s")
    )


# Leaks: each takes (outcome, task, rng) and gives one column


@leak("development", "binary", "classes", "amount")
def copy(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The outcome itself under another name, as another type."""
    if task == "amount":
        return y.copy()
    if task == "binary" and rng.random() < 0.5:
        return y == 1
    return y.astype(rng.choice(["float64", "int64", "int32"]))


@leak("held_out", "binary", "classes")
def recoded_words(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The outcome in words, as two clerks and a form spell them."""
    if task == "classes":
        spelled = [["Gold", "gold "], ["Silver", "silver"], ["Bronze", "BRONZE"], ["None", "none"]]
        spelled += [["Trial", "trial"], ["Staff", "staff"]]
    else:
        spelled = [["no", "No", "N"], ["yes", "Yes", "Y"]]
        if rng.random() < 0.5:
            spelled = [["activo"], ["baja"]]
    return np.array([spelled[v][int(rng.integers(0, len(spelled[v])))] for v in y], dtype=object)


@leak("development", "binary", "amount")
def inverted(y: np.ndarray, task: str, rng: Rng) -> Any:
    """``retained`` beside ``churned``; a debit beside the credit."""
    return -y if task == "amount" else 1 - y


@leak("held_out", "binary", "amount")
def affine(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The outcome in another currency, unit, or from another zero."""
    return float(rng.choice([-40, -1, 0.01, 1.8, 100])) * y + float(rng.choice([0, 32, -1e4]))


@leak("development", "amount")
def monotone(y: np.ndarray, task: str, rng: Rng) -> Any:
    """A logarithm, a root, a rank, a cube, or a saturating curve of the outcome."""
    u = (y - y.min()) / (y.max() - y.min())
    return {
        "log": lambda: np.log1p(y - y.min()),
        "root": lambda: np.sqrt(y - y.min()),
        "cube": lambda: -(u**3),
        "rank": lambda: pd.Series(y).rank().to_numpy(),
        "saturating": lambda: 1 / (1 + np.exp(-6 * (u - 0.4))),
    }[str(rng.choice(["log", "root", "cube", "rank", "saturating"]))]()


@leak("held_out", "amount")
def rounded(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The invoice's amount in round units: rounding leaves a thousandth of the variance at most."""
    unit = np.std(y) * float(rng.choice([0.01, 0.03, 0.1]))
    return np.round(y / unit) * unit


@leak("development", "binary", "classes", "amount")
def noisy_copy(y: np.ndarray, task: str, rng: Rng) -> Any:
    """A second system's entry of the same outcome, which disagrees in a few rows of a thousand."""
    if task == "amount":
        return y + rng.normal(0, np.std(y) * float(rng.choice([0.003, 0.01, 0.03])), len(y))
    wrong = rng.random(len(y)) < float(rng.choice([0.001, 0.002, 0.005]))
    k = int(y.max()) + 1
    if task == "binary":  # of each outcome the same share is wrong, of the rare one at most
        return np.where(wrong, 1 - y if y.mean() > 0.2 else 0, y)
    return np.where(wrong, (y + 1) % k, y)


@leak("held_out", "binary", "classes")
def fine_codes(y: np.ndarray, task: str, rng: Rng) -> Any:
    """A status with several codes for each outcome, in no order of the outcomes."""
    own = codes(y, rng, int(rng.integers(2, 5)))
    return rng.permutation(np.arange(10, 10 + 7 * (own.max() + 1), 7))[own]


@leak("development", "binary", "classes")
def status_text(y: np.ndarray, task: str, rng: Rng) -> Any:
    """What the desk writes when the matter is closed, a few sentences for each outcome."""
    written = [
        ["delivered", "delivered, signed", "picked up at the shop"],
        ["sent back: too small", "sent back: damaged", "refund paid"],
        ["lost on the way", "carrier searches"],
        ["exchanged", "exchanged twice"],
        ["refused at the door"],
        ["address unknown", "moved away"],
    ]
    return np.array([written[v][int(rng.integers(0, len(written[v])))] for v in y], dtype=object)


@leak("held_out", "binary")
def missingness(y: np.ndarray, task: str, rng: Rng) -> Any:
    """A field that only the event fills: its being empty tells the outcome, its value nothing."""
    if rng.random() < 0.5:
        return np.where(y == 1, np.round(rng.lognormal(3, 1, len(y)), 2), np.nan)
    reasons = rng.choice(["price", "moved", "service", "other"], len(y)).astype(object)
    reasons[y == 0] = None
    return reasons


@leak("development", "binary")
def date_afterwards(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The day of the cancellation, empty for all who stayed."""
    return moments(len(y), rng).where(pd.Series(y == 1)).to_numpy()


@leak("held_out", "binary")
def zero_amount(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The refund: zero unless there was one."""
    return np.where(y == 1, np.round(rng.lognormal(3, 1, len(y)) + 0.01, 2), 0.0)


@leak("development", "binary", "classes")
def id_ranges(y: np.ndarray, task: str, rng: Rng) -> Any:
    """Numbers that each outcome draws from a series of its own."""
    return 1_000_000 * (y + 1) + rng.permutation(len(y))


@leak("development", "binary", "classes")
def id_prefix(y: np.ndarray, task: str, rng: Rng) -> Any:
    """A case number, different in each row, whose first letters are those of the outcome's desk."""
    desk = labels(y, ["OK", "RF", "LS", "EX", "DR", "AU"])
    numbers = rng.permutation(len(y))
    return np.array([f"{d}-{v:06d}" for d, v in zip(desk, numbers, strict=True)], dtype=object)


@leak("development", "binary")
def encoded_with_own_row(y: np.ndarray, task: str, rng: Rng) -> Any:
    """A group's rate of the outcome without the row itself: within a group, two values."""
    group = rng.integers(0, max(2, min(12, len(y) // 100)), len(y))
    total, size = np.bincount(group, y), np.bincount(group)
    return (total[group] - y) / np.maximum(size[group] - 1, 1)


@leak("held_out", "binary")
def own_definition(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The measured amount of which the outcome is a limit passed: days overdue above thirty."""
    below, above = rng.uniform(0, 30, len(y)), 30 + rng.exponential(20, len(y)) + 0.01
    return np.where(y == 1, above, below)


@leak("development", "amount")
def bands(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The outcome's narrow band, in words as an export writes it."""
    width = np.std(y) * 0.12
    low = np.floor(y / width)
    return np.array([f"{v * width:.1f} to {(v + 1) * width:.1f}" for v in low], dtype=object)


@leak("development", "amount")
def with_tax(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The same bill with tax, at one of two near rates."""
    return y * np.where(rng.random(len(y)) < 0.3, 1.19, 1.21)


@leak("development", "amount")
def amount_in_text(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The amount as it was printed on the bill."""
    return np.array([f"EUR {v:,.2f}" for v in y], dtype=object)


@leak("development", "amount")
def later_total(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The balance after the event: the outcome and a little that came later."""
    return y + rng.exponential(np.std(y) * 0.02, len(y))


@leak("development", "binary")
def score_that_saw_it(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The score of a model that was fitted on these very rows."""
    return np.where(y == 1, rng.uniform(0.55, 1, len(y)), rng.beta(2, 6, len(y)) * 0.5)


@leak("held_out", "classes")
def codes_in_no_order(y: np.ndarray, task: str, rng: Rng) -> Any:
    """The class's number in another system, in another order."""
    return rng.permutation([3, 7, 12, 20, 31, 40])[y]


@leak("development", "classes")
def flag_of_one_class(y: np.ndarray, task: str, rng: Rng) -> Any:
    """A field that is true in the most frequent class and nowhere else."""
    return y == np.bincount(y).argmax()


@leak("held_out", "binary")
def days_until(y: np.ndarray, task: str, rng: Rng) -> Any:
    """Days until the event, 9999 where none came."""
    return np.where(y == 1, rng.integers(0, 365, len(y)), 9_999)


@leak("development", "binary")
def touched_later(y: np.ndarray, task: str, rng: Rng) -> Any:
    """When the record was last touched: the event touches it after the export of all others."""
    return np.where(
        y == 1, moments(len(y), rng, "2024-09-01", 60), moments(len(y), rng, "2023-01-01", 600)
    )


@leak("held_out", "binary")
def middle_codes(y: np.ndarray, task: str, rng: Rng) -> Any:
    """Codes of answers, of which one range in the middle is the outcome."""
    n = len(y)
    others = np.where(rng.random(n) < 0.8, rng.integers(200, 230, n), rng.integers(500, 512, n))
    return np.where(y == 1, rng.integers(400, 429, n), others)


# Honest tables: each takes (rows, rng) and gives (features, outcome, task)


def _distance(rng: Rng) -> float:
    return float(rng.choice([1.2, 2.0, 2.6, STRONGEST]))


def _binary(n: int, rng: Rng, rate: float | None = None) -> np.ndarray:
    y = (rng.random(n) < (rate or rng.choice(RATES))).astype(int)
    y[:2] = (0, 1)
    return rng.permutation(y)


@honest("development", "binary")
def two_normal_groups(n: int, rng: Rng) -> Any:
    """One measured feature of AUC up to .98."""
    y = _binary(n, rng)
    return {**ordinary(y, "binary", rng), "x": _distance(rng) * y + rng.normal(size=n)}, y


@honest("held_out", "binary")
def separable_in_part(n: int, rng: Rng) -> Any:
    """Above a limit every row has the outcome; below it lie some more of them: AUC to .98."""
    y = _binary(n, rng)
    hidden = rng.random(n) < float(rng.choice([0.05, 0.15, 0.4]))
    x = rng.normal(size=n)
    return {**ordinary(y, "binary", rng), "x": np.where((y == 1) & ~hidden, x + 9, x)}, y


@honest("development", "binary")
def ordered_category(n: int, rng: Rng) -> Any:
    """Five grades, in each of which the outcome is rarer or more frequent."""
    y = _binary(n, rng)
    grade = np.digitize(_distance(rng) * y + rng.normal(size=n), [-0.5, 0.6, 1.5, 2.6])
    words = labels(grade, ["E", "D", "C", "B", "A"]) if rng.random() < 0.5 else grade
    return {**ordinary(y, "binary", rng), "grade": words}, y


@honest("held_out", "binary")
def many_features(n: int, rng: Rng) -> Any:
    """Eighty measured columns, of which ten follow the outcome: the best of them by chance too."""
    y = _binary(n, rng)
    columns = rng.normal(size=(n, 80))
    columns[:, :10] += y[:, None] * rng.uniform(0.5, 2.5, 10)
    return {f"m{i}": columns[:, i] for i in range(80)}, y


@honest("development", "binary")
def tiny_with_few(n: int, rng: Rng) -> Any:
    """Two hundred rows, two to ten of them with the outcome, and strong features."""
    n = 200
    y = np.zeros(n, int)
    y[: int(rng.integers(2, 11))] = 1
    y = rng.permutation(y)
    columns = {f"x{i}": _distance(rng) * y + rng.normal(size=n) for i in range(3)}
    return {**ordinary(y, "binary", rng), **columns}, y


@honest("held_out", "binary")
def few_values(n: int, rng: Rng) -> Any:
    """Flags, rare ones among them, some of whose levels hold one outcome only."""
    y = _binary(n, rng)
    columns = {}
    for i in range(8):
        low, high = sorted(rng.beta(0.5, 2, 2))
        columns[f"f{i}"] = (rng.random(n) < np.where(y == 1, high, low)).astype(int)
    strong = np.where(y == 1, rng.random(n) < 0.95, rng.random(n) < 0.04)
    return {**columns, "strong": strong}, y


@honest("development", "binary")
def rule_of_two(n: int, rng: Rng) -> Any:
    """The outcome is a rule of two features, and of neither alone."""
    a, b = rng.normal(size=n), rng.normal(size=n)
    rule = rng.choice(["sum", "both", "either_or", "product"])
    y = {"sum": a + b > 1, "both": (a > 0) & (b > 0), "either_or": (a > 0) ^ (b > 0)}.get(
        str(rule), a * b > 0.5
    )
    return {"a": a, "b": b, **ordinary(y.astype(int), "binary", rng, 4)}, y.astype(int)


@honest("held_out", "binary")
def informative_gaps(n: int, rng: Rng) -> Any:
    """A field that is empty more often for one outcome, and never only for it."""
    y = _binary(n, rng)
    filled = rng.random(n) < np.where(y == 1, 0.95, float(rng.choice([0.05, 0.3, 0.6])))
    reason = rng.choice(["a", "b", "c"], n).astype(object)
    reason[~filled] = None
    return {**ordinary(y, "binary", rng), "amount": np.where(filled, rng.gamma(2, 3, n), np.nan),
            "reason": reason}, y  # fmt: skip


@honest("development", "binary")
def regions(n: int, rng: Rng) -> Any:
    """A category of up to two hundred levels, many of which hold one outcome only by chance."""
    levels = int(rng.choice([20, 60, 200]))
    rates = rng.beta(0.4, float(rng.choice([0.4, 2.0, 8.0])), levels)
    region = rng.choice(levels, n, p=rng.dirichlet(np.ones(levels)))
    y = (rng.random(n) < np.clip(rates[region], 0.02, 0.98)).astype(int)
    y[:2] = (0, 1)
    named = np.array([f"region {v}" for v in region], dtype=object)
    return {**ordinary(y, "binary", rng), "region": named if rng.random() < 0.5 else region}, y


@honest("held_out", "binary")
def ids_and_trend(n: int, rng: Rng) -> Any:
    """Running numbers and moments, while the rate of the outcome grows over the years."""
    order = np.arange(n)
    y = (rng.random(n) < np.linspace(0.02, float(rng.choice([0.2, 0.6, 0.9])), n)).astype(int)
    seconds = order * 3600 + rng.integers(0, 3600, n)
    when = pd.Timestamp("2020-01-01") + pd.to_timedelta(seconds, unit="s")
    text = np.array([f"K{v:07d}" for v in rng.permutation(n)], dtype=object)
    return {**ordinary(y, "binary", rng), "number": 50_000 + order, "when": when, "text": text}, y


@honest("development", "binary")
def score_of_many(n: int, rng: Rng) -> Any:
    """Thirty weak features that together reach AUC .98 and more, none of them alone."""
    columns = rng.normal(size=(n, 30))
    logit = columns @ rng.normal(0, 1.2, 30)
    y = (rng.random(n) < 1 / (1 + np.exp(-2 * logit - rng.choice([0, -6, -12])))).astype(int)
    y[:2] = (0, 1)
    return {f"w{i}": columns[:, i] for i in range(30)}, y


@honest("held_out", "binary")
def counts_of_use(n: int, rng: Rng) -> Any:
    """Counts with many zeros: who uses a thing often nearly always stays."""
    y = _binary(n, rng)
    use = rng.poisson(np.where(y == 1, float(rng.choice([1, 2, 3.5])), 0.15))
    return {**ordinary(y, "binary", rng), "use": use, "ever": use > 0}, y


@honest("development", "binary")
def nothing_in_it(n: int, rng: Rng) -> Any:
    """Features and an outcome that have nothing to do with each other."""
    y = _binary(n, rng)
    return ordinary(rng.permutation(y), "binary", rng, 25), y


@honest("held_out", "classes")
def clusters(n: int, rng: Rng) -> Any:
    """Classes as clouds, one of which may lie apart in one feature, as a species does."""
    y = outcome_of("classes", n, rng)
    centres = rng.normal(0, 1.8, (y.max() + 1, 4))
    return {f"p{i}": centres[y, i] + rng.normal(size=n) for i in range(4)}, y


@honest("development", "classes")
def ordered_classes(n: int, rng: Rng) -> Any:
    """Grades that one measured feature follows."""
    y = outcome_of("classes", n, rng)
    x = y * float(rng.choice([1.0, 2.0, 2.6])) + rng.normal(size=n)
    return {**ordinary(y, "classes", rng), "x": x}, y


@honest("held_out", "classes")
def mixed_categories(n: int, rng: Rng) -> Any:
    """A category that is right about the class in four of five rows, or nine of ten."""
    y = outcome_of("classes", n, rng)
    k = y.max() + 1
    other = rng.random(n) > float(rng.choice([0.8, 0.9]))
    guess = np.where(other, rng.integers(0, k, n), y)
    return {**ordinary(y, "classes", rng), "guess": labels(guess, list("abcdef"))}, y


@honest("development", "amount")
def linear(n: int, rng: Rng) -> Any:
    """One feature that explains up to 98 % of the variance."""
    x = rng.normal(10, 3, n)
    share = float(rng.choice([0.5, 0.8, 0.95, 0.98]))
    y = 2 * x + rng.normal(0, 6 * np.sqrt(1 / share - 1), n)
    return {**ordinary(y, "amount", rng), "x": x}, y


@honest("held_out", "amount")
def power_law(n: int, rng: Rng) -> Any:
    """Price by weight: a power with noise in proportion, r2 of the logarithms to .98."""
    x = rng.lognormal(0, 0.8, n)
    share = float(rng.choice([0.6, 0.9, 0.98]))
    noise = 1.5 * 0.8 * np.sqrt(1 / share - 1)
    y = 300 * x**1.5 * np.exp(rng.normal(0, noise, n))
    return {**ordinary(y, "amount", rng), "x": x}, y


@honest("development", "amount")
def product_and_sum(n: int, rng: Rng) -> Any:
    """Price times pieces plus a fee: deterministic in several features, in none alone."""
    price, pieces = np.round(rng.lognormal(2, 0.5, n), 2), rng.integers(1, 12, n)
    fee = rng.choice([0.0, 2.5, 4.9], n)
    return {"price": price, "pieces": pieces, "fee": fee}, price * pieces + fee


@honest("held_out", "amount")
def last_month(n: int, rng: Rng) -> Any:
    """The same amount a month before: correlated by .99, and known beforehand."""
    before = rng.gamma(3, 100, n)
    share = float(rng.choice([0.9, 0.96, 0.98]))
    y = before + rng.normal(0, np.std(before) * np.sqrt(1 / share - 1), n)
    return {**ordinary(y, "amount", rng), "before": np.round(before, 2)}, y


@honest("development", "amount")
def mostly_zero(n: int, rng: Rng) -> Any:
    """Claims: nothing in nine rows of ten, an amount in the rest."""
    y = np.where(rng.random(n) < 0.1, np.round(rng.gamma(2, 500, n), 2), 0.0)
    y[0] = 100.0
    return ordinary(y, "amount", rng, 15), y


@honest("held_out", "amount")
def counted(n: int, rng: Rng) -> Any:
    """Pieces sold, in whole numbers, beside the visitors who come in steps too."""
    visitors = rng.integers(20, 400, n)
    y = rng.poisson(visitors * float(rng.choice([0.05, 0.5]))).astype(float)
    return {**ordinary(y, "amount", rng), "visitors": visitors}, y


@honest("development", "amount")
def by_category(n: int, rng: Rng) -> Any:
    """Wages by grade: eight levels that explain up to 98 % of the variance."""
    grade = rng.integers(0, 8, n)
    share = float(rng.choice([0.7, 0.95, 0.98]))
    y = grade * 400.0 + rng.normal(0, 400 * np.sqrt(63 / 12) * np.sqrt(1 / share - 1), n)
    return {**ordinary(y, "amount", rng), "grade": labels(grade, [f"T{v}" for v in range(8)])}, y


def _size(rng: Rng) -> int:
    return int(rng.choice(SIZES, p=SHARES))


def leaky(number: int) -> Iterator[Table]:
    """``number`` tables with a leak: the kinds in turn, sizes and base rates drawn."""
    for seed in range(number):
        kind, rng = LEAKS[seed % len(LEAKS)], np.random.default_rng([15, 1, seed])
        task = str(rng.choice(kind.tasks))
        y = outcome_of(task, _size(rng), rng)
        columns = ordinary(y, task, rng)
        columns["secret"] = kind.make(y, task, rng)
        yield _table(kind, seed, task, columns, y, frozenset({"secret"}), rng)


def strong_and_honest(number: int) -> Iterator[Table]:
    """``number`` tables in which nothing leaks: the kinds in turn."""
    for seed in range(number):
        kind, rng = HONEST[seed % len(HONEST)], np.random.default_rng([15, 2, seed])
        columns, y = kind.make(_size(rng), rng)
        yield _table(kind, seed, kind.tasks[0], columns, np.asarray(y), frozenset(), rng)


def _table(
    kind: Kind, seed: int, task: str, columns: dict[str, Any], y: np.ndarray,
    leaks: frozenset[str], rng: Rng,
) -> Table:  # fmt: skip
    frame = pd.DataFrame(columns)[rng.permutation(list(columns)).tolist()]
    # the n-th table of a kind is held out when n is odd: kinds come in turn
    names = LEAKS if leaks else HONEST
    half = kind.half if (seed // len(names)) % 2 == 0 else "held_out"
    named = labels(y, ["ash", "birch", "cedar", "elm", "fir", "oak"]) if task == "classes" else y
    return Table(kind.name, half, seed, task, frame, pd.Series(named, name="outcome"), leaks)
