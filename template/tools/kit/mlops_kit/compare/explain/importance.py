"""What the model looks at: permutation importance on the holdout, with its intervals.

Breiman (2001), section 10: the values of one feature are shuffled among the rows, and what the
metric loses is what the model had from it. Each row is judged with and without, so that the loss
has the paired interval of the comparison, with its groups and periods.
"""

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.explain.record import Alike, Importance, Weight
from mlops_kit.compare.holdout.holdout import Holdout, read_holdout
from mlops_kit.compare.holdout.values import truth_and_predictions
from mlops_kit.compare.inference.effect import paired_effect
from mlops_kit.compare.metrics.estimate import Estimate
from mlops_kit.compare.systems.spec import Table
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.train.predictions import answers, long_table, predict

if TYPE_CHECKING:
    import pandas

MOST_ROWS = 10_000
FEWEST_REPEATS, MOST_REPEATS = 2, 5
MOST_SHOWN = 20
# Rows that are predicted in all, as far as each feature is shuffled twice at least.
MOST_PREDICTED = 300_000
# Rows by which many features are looked through: each is shuffled there once.
SCREEN_ROWS = 1_000
SCREENED = 300_000
LONGEST = 300.0  # seconds
ALIKE = 0.8
MOST_PAIRS = 3
WHERE = "model.py: predicting shuffled rows"
NEGLECTED = "This says what the model uses, not what causes the outcome."


def importance(
    model: Any,
    rows: "pandas.DataFrame",
    names: list[str],
    task: str,
    config: CompareConfig,
) -> Importance:
    """Shuffle each feature of holdout rows, and tell what the primary metric loses.

    Parameters
    ----------
    model : estimator
        Fitted.
    rows : pandas.DataFrame, shape (n_rows, ...)
        Holdout rows: id, y_true, the features, time and group where there are.
    names : list of str
        The features.
    config : CompareConfig
        The metric, how rows are alike, the risk of the bounds, the classes.

    Returns
    -------
    Importance
        Without weights, and with the reason, where none can be told.
    """
    try:
        return _shown(model, rows, names, task, config)
    except (MlopsError, ValueError) as error:
        # What is told beside a decision never stops it.
        return why_not(str(error).rstrip("."))


def why_not(reason: str) -> Importance:
    """Say in one line why nothing is shown."""
    return {"sentences": [f"What the model looks at is not shown: {reason}."]}


def _shown(
    model: Any, rows: "pandas.DataFrame", names: list[str], task: str, config: CompareConfig
) -> Importance:
    if config.is_scaled and config.primary.found().scaled:
        return why_not(f"{config.primary.metric} needs a scale of each row, which is not at hand")
    seed = config.inference.seed
    drawn = np.random.default_rng(seed).permutation(len(rows))
    used = rows.iloc[np.sort(drawn[:MOST_ROWS])].reset_index(drop=True)
    shown, screened = names, ""
    if len(names) > MOST_SHOWN:
        size = min(SCREEN_ROWS, max(SCREENED // len(names), 100))
        # Other rows than those that are shown, where there are any.
        apart = len(rows) >= MOST_ROWS + size
        others = drawn[MOST_ROWS if apart else 0 :][:size]
        look = _Shuffled(model, rows.iloc[np.sort(others)], names, task, config)
        # Equal losses stay in the features' own order.
        order = sorted(names, key=lambda name: look.sign * look.without(name, 1, seed).value)
        screened = f"{counted(others.size, 'other row' if apart else 'row')} found strongest"
        # Chosen and shown by the same rows, what was lucky looks strong twice.
        screened += "." if apart else "; they are shown too, which flatters the weaker ones."
        shown = [name for name in names if name in order[:MOST_SHOWN]]
    whole = _Shuffled(model, used, names, task, config)
    repeats = MOST_PREDICTED // max(len(used) * len(shown), 1)
    repeats = min(max(repeats, FEWEST_REPEATS), MOST_REPEATS)
    if (seconds := whole.seconds * len(shown) * repeats) > LONGEST:
        return why_not(f"shuffling its features would take about {seconds / 60:,.0f} minutes")
    weights = [_weight(whole, name, repeats, config) for name in shown]
    weights.sort(key=lambda each: -each["estimate"])
    pairs = _alike(used, [each["feature"] for each in weights])
    level = 100 * (1 - 2 * config.inference.alpha)
    of_rows = counted(len(used), "row")
    if len(used) < len(rows):
        of_rows += f" drawn from {len(rows):,}"
    said = [
        f"How much worse {config.primary.metric} gets when the values of one feature are shuffled "
        f"{counted(repeats, 'time')} among the holdout's rows ({of_rows}), with {level:.4g} % "
        "intervals, each by itself: around 0, the model hardly needs the feature while it has the "
        "others."
    ]
    if len(shown) < len(names):
        said.append(
            f"Shown are {len(shown)} of {counted(len(names), 'feature')}: those that a quick look "
            f"at {screened}"
        )
    if pairs:
        named = "; ".join(
            f"{' and '.join(each['features'])} (rank correlation {each['correlation']:.2f})"
            for each in pairs
        )
        said.append(
            "Features that go together can stand in for one another, so that each looks less "
            f"important than it is: {named}."
        )
    said += [_whether_used(whole, name, seed) for name in config.columns if name in names]
    return {
        "metric": config.primary.metric,
        "rows": len(used),
        "repeats": repeats,
        "features": len(names),
        "alpha": config.inference.alpha,
        "weights": weights,
        "alike": pairs,
        "sentences": [*said, NEGLECTED],
    }


class _Shuffled:
    """Rows, what the model says about them as they are, and what it loses with one shuffled."""

    def __init__(
        self,
        model: Any,
        rows: "pandas.DataFrame",
        names: list[str],
        task: str,
        config: CompareConfig,
    ) -> None:
        import pyarrow as pa

        rows = rows.reset_index(drop=True)
        self.model, self.task, self.names = model, task, names
        self.features = rows[names]
        self.config = _alone(config)
        started = time.perf_counter()
        self.given = given = self._asked(self.features)
        self.seconds = time.perf_counter() - started
        # Numbered, so that the holdout, which sorts ids as texts, keeps their order.
        group = rows["group"] if "group" in rows else rows["id"]
        places = [f"{place:09d}" for place in range(len(rows))]
        numbered = rows.assign(id=places, group=group)
        both = {"model": given, "shuffled": given}
        self.holdout: Holdout = read_holdout(long_table(task, numbered, both), self.config)
        self.sign = 1 if self.holdout.metric.direction == "higher" else -1
        self.truth = pa.chunked_array([pa.array(rows["y_true"])])
        self.plain = self._estimate(given)
        if self.plain.influence is None:
            raise MlopsError(f"{config.primary.metric} is a metric of your own without influences")

    def without(self, name: str, repeats: int, seed: int) -> Estimate:
        """Return the mean of the metric over shuffles of one feature."""
        random = np.random.default_rng([seed, self.names.index(name)])
        found = []
        for _ in range(repeats):
            order = random.permutation(len(self.features))
            shuffled = self._estimate(self._asked(self._dealt(name, order)))
            found.append(_of_both(shuffled, self.plain, np.argsort(order)))
        return _mean(found)

    def uses(self, name: str, seed: int) -> bool:
        """Whether any prediction changes when the values of a feature are shuffled once."""
        order = np.random.default_rng([seed, self.names.index(name)]).permutation(len(self.given))
        return not np.array_equal(self._asked(self._dealt(name, order)), self.given)

    def _dealt(self, name: str, order: Any) -> "pandas.DataFrame":
        values = self.features[name].iloc[order].set_axis(self.features.index)
        return self.features.assign(**{name: values})

    def _asked(self, features: "pandas.DataFrame") -> Any:
        classes = self.config.data.classes
        several = list(classes) if classes and len(classes) > 2 else None
        return np.asarray(predict(self.model, features, self.task, several, WHERE))

    def _estimate(self, given: Any) -> Estimate:
        import pyarrow as pa

        column = {"candidate": pa.chunked_array([next(iter(answers(self.task, given).values()))])}
        _, found, _ = truth_and_predictions(self.truth, column, self.holdout.metric, self.config)
        return self.holdout.metric.function(self.holdout.truth, found["candidate"])


def _weight(whole: _Shuffled, name: str, repeats: int, config: CompareConfig) -> Weight:
    without = whole.without(name, repeats, config.inference.seed)
    alpha, design = config.inference.alpha, whole.holdout.design
    effect = paired_effect(whole.plain, without, whole.sign, design, alpha)
    return {
        "feature": name,
        "estimate": effect.estimate,
        "lower": effect.lower,
        "upper": effect.upper,
    }


def _whether_used(whole: _Shuffled, name: str, seed: int) -> str:
    """Say of a column by which rows are compared whether the model uses it: people ask that."""
    if whole.uses(name, seed):
        return f"Rows are compared by {name}, and the model uses it."
    return (
        f"Rows are compared by {name}, which the model does not use: no prediction changes when "
        "its values are shuffled."
    )


def _of_both(shuffled: Estimate, plain: Estimate, taker: Any) -> Estimate:
    """Add to what a row loses with another's value what the other loses with this row's.

    The rows are a sample of takers and of givers (a two-sample U-statistic); without the second
    part intervals are too narrow. The chance of a single shuffle makes them somewhat too wide.

    Parameters
    ----------
    taker : array, shape (n_rows,)
        Which row got the value of each row.
    """
    assert shuffled.influence is not None
    assert plain.influence is not None
    rows, inner = None, None
    if shuffled.rows is not None and plain.rows is not None:
        lost = shuffled.rows - plain.rows
        rows = shuffled.rows + lost[taker] - lost.mean()
    if shuffled.mean is not None and plain.mean is not None:
        inner = _of_both(shuffled.mean, plain.mean, taker)
    influence = shuffled.influence + (shuffled.influence - plain.influence)[taker]
    return shuffled._replace(influence=influence, rows=rows, mean=inner)


def _mean(estimates: list[Estimate]) -> Estimate:
    """Average estimates of one metric on the same rows: each row's share of the error is too."""
    first = estimates[0]

    def of(name: str) -> Any:
        parts = [getattr(each, name) for each in estimates]
        return None if parts[0] is None else np.mean(parts, axis=0)

    inner = None if first.mean is None else _mean([e.mean for e in estimates if e.mean])
    return Estimate(float(of("value")), of("influence"), first.strata, of("rows"), inner)


def _alone(config: CompareConfig) -> CompareConfig:
    """Keep the metric, the classes and the design; nothing else is asked of shuffled rows."""
    return config.model_copy(
        update={
            "candidate": (Table(name="model"),),
            "incumbent": Table(name="shuffled"),
            "guardrails": (),
            **dict.fromkeys(("oracle", "trivial", "slices", "fairness", "flips")),
        }
    )


def _alike(rows: "pandas.DataFrame", names: list[str]) -> list[Alike]:
    """Find pairs of numbers that rise and fall together, the closest first."""
    import pandas as pd

    numeric = [name for name in names if pd.api.types.is_numeric_dtype(rows[name])]
    ranks = rows[numeric].astype(float).rank()
    table: Any = ranks.corr(min_periods=20)
    found: list[Alike] = [
        {"features": [one, other], "correlation": float(table[one][other])}
        for place, one in enumerate(numeric)
        for other in numeric[place + 1 :]
        if abs(table[one][other]) >= ALIKE
    ]
    return sorted(found, key=lambda each: -abs(each["correlation"]))[:MOST_PAIRS]
