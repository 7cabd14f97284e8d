"""What training saw of each feature, and which rows that are scored later lie outside of it."""

from typing import TYPE_CHECKING, Any

from mlops_kit.train.checks import membership

if TYPE_CHECKING:
    import pandas

# Of more different values, what is kept tells whether a value was among them, not which they are.
MOST_LEVELS = 1_000
# Of still more, only how many there are: they are names of rows, and the record would be large.
MOST_KEPT = 200_000
# A share of missing values is told from so many points above training's on.
MORE_MISSING = 0.01


def seen(train: "pandas.DataFrame", names: list[str]) -> dict[str, dict[str, Any]]:
    """Note what training saw of each feature.

    Parameters
    ----------
    train : pandas.DataFrame, shape (n_rows, ...)
        The training rows.
    names : list of str
        The features.

    Returns
    -------
    dict of str to dict
        By feature: `missing`, a share; and `minimum` and `maximum` of a number, or `levels` of a
        text, or of the elements of a list, where they are no more than MOST_LEVELS. Of more,
        `different`, how many, and up to MOST_KEPT `among`, a filter (see `membership`).
    """
    return {name: _seen(train[name]) for name in names}


def outside(rows: "pandas.DataFrame", known: dict[str, dict[str, Any]]) -> dict[str, list[int]]:
    """Count by feature the rows without a value, and those whose value training never saw.

    Parameters
    ----------
    rows : pandas.DataFrame, shape (n_rows, ...)
        Features to be scored.
    known : dict
        As seen() gives it.

    Returns
    -------
    dict of str to list of int
        Missing, and outside: below the minimum, above the maximum, or of another level; where a
        filter is kept, at least so many, and hardly more.
    """
    return {name: _outside(rows[name], one) for name, one in known.items() if name in rows}


def skew(
    counts: dict[str, list[int]], rows: int, known: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Set what is scored against what training saw, the furthest first.

    Returns
    -------
    list of dict
        `feature`, `outside` and `missing` (shares of the scored rows), and `training`.
    """
    found = [
        {
            "feature": name,
            "outside": away / rows,
            "missing": missing / rows,
            "training": {key: value for key, value in known[name].items() if key != "among"},
        }
        for name, (missing, away) in counts.items()
    ]
    return sorted(found, key=lambda one: (-one["outside"], -_more_missing(one), one["feature"]))


def told(found: list[dict[str, Any]]) -> list[str]:
    """Say in a clause each where the scored rows differ from training."""
    said = []
    for one in found:
        training, name = one["training"], one["feature"]
        if one["outside"] and "minimum" not in training:
            said.append(f"{name}: {one['outside']:.2%} of the rows hold what training never saw")
        elif one["outside"]:
            low, high = training["minimum"], training["maximum"]
            said.append(f"{name}: {one['outside']:.2%} of the rows outside {low:g} to {high:g}")
        if _more_missing(one) > MORE_MISSING:
            missing, before = one["missing"], training["missing"]
            said.append(f"{name}: {missing:.2%} missing, {before:.2%} in training")
    return said


def _more_missing(one: dict[str, Any]) -> float:
    return one["missing"] - one["training"]["missing"]


def _seen(values: "pandas.Series") -> dict[str, Any]:
    there = values.dropna()
    found: dict[str, Any] = {"missing": (len(values) - len(there)) / max(len(values), 1)}
    if _is_number(values):
        return found | ({"minimum": _plain(there.min()), "maximum": _plain(there.max())}
                        if len(there) else {})  # fmt: skip
    levels = there.explode().dropna().unique() if _holds_lists(there) else there.unique()
    if len(levels) > MOST_LEVELS:
        among = {"among": membership.kept(list(levels))} if len(levels) <= MOST_KEPT else {}
        return found | {"different": len(levels)} | among
    return found | {"levels": sorted(map(_plain, levels), key=str)}


def _outside(values: "pandas.Series", known: dict[str, Any]) -> list[int]:
    there = values.dropna()
    missing = len(values) - len(there)
    if "levels" in known or "among" in known:
        parts = there.reset_index(drop=True)
        parts = parts.explode().dropna() if _holds_lists(there) else parts
        levels = known.get("levels")
        if levels is None:
            asked = parts.unique()
            levels = asked[membership.known(list(asked), known["among"])]
        strange = ~parts.isin(levels)
        return [missing, int(strange[strange].index.nunique())]
    if "minimum" in known:
        return [missing, int(((there < known["minimum"]) | (there > known["maximum"])).sum())]
    # Training saw no value at all, or too many to keep.
    return [missing, 0 if "different" in known else len(there)]


def _is_number(values: "pandas.Series") -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(values)


def _holds_lists(there: "pandas.Series") -> bool:
    first = there.iloc[0] if len(there) else ""
    return hasattr(first, "__len__") and not isinstance(first, str)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return value.item() if hasattr(value, "item") else value
