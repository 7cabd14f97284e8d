"""`mlops data labels`: who labelled how much, how far they agree, and how late labels come."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.core.errors import INCONCLUSIVE, NEGATIVE, OK, MlopsError
from mlops_kit.core.files import write_json, written_beside
from mlops_kit.core.settings import read_config
from mlops_kit.core.sql import literal
from mlops_kit.core.utc import connect
from mlops_kit.core.words import acting, counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.labelling import agreement
from mlops_kit.data.labelling.definition import Labelled, Labels
from mlops_kit.data.labelling.reading import coded, given
from mlops_kit.data.sampling.definition import PARAMS_FILE, check_name

if TYPE_CHECKING:
    import duckdb
    from numpy import ndarray

REPORTS, DISPUTED = Path("reports/labels"), OPEN_ZONE / "labels"
MOST_PAIRS = 10  # of labellers and of labels that are shown
FEWEST = 20  # items in common, below which two people are not compared
# Krippendorff 2019, chapter 12.
RELIABLE, TENTATIVE = 0.8, 0.667


def examined(names: list[str]) -> Iterator[dict[str, Any]]:
    """Examine labels of params.yaml and write what was found of each to reports/labels.

    Parameters
    ----------
    names : list of str
        Which; all of params.yaml where none is named.

    Yields
    ------
    dict
        What was found of each, when it is written.

    Raises
    ------
    MlopsError
        When labels are not defined, or their table does not fit.
    """
    config = read_config(PARAMS_FILE, Labelled)
    if unknown := [name for name in names if name not in config.labels]:
        known = ", ".join(config.labels) or "none"
        raise MlopsError(f'labels: params.yaml defines no "{unknown[0]}"; it defines: {known}.')
    if not config.labels:
        raise MlopsError(
            "params.yaml defines no labels: write `labels: {NAME: {table: a table of "
            "conf/sources.yaml, item: its column of what was labelled, by: of who did it, label: "
            "of the label}}` there."
        )
    for name in names or config.labels:
        yield _examined(name, config.labels[name], config.seed)


def verdict(found: dict[str, Any]) -> int:
    """Return the exit code: 0 as demanded or nothing is, 1 below, 2 the interval holds it."""
    least, alpha = found["asked"].get("least"), found["alpha"]
    if least is None:
        return OK
    if alpha is None or alpha["lower"] < least <= alpha["upper"]:
        return INCONCLUSIVE
    return NEGATIVE if alpha["upper"] < least else OK


def said(found: dict[str, Any]) -> list[str]:
    """Say in a few lines what was found, and what to do about it."""
    lines = [
        f"{found['name']:<12} {counted(found['labels'], 'label')} of "
        f"{counted(found['items'], 'item')} by {found['labellers']:,} people; "
        f"{acting(found['shared'], 'item', 'have')} labels of two or more"
    ]
    lines += [f"  {count:,} {what}" for what, count in found["left_out"].items() if count]
    if again := found["again"]:
        lines.append(
            f"  {counted(again['items'], 'time')} a person labelled an item again: "
            f"{again['same']:.0%} as before; the latest counts"
        )
    if (alpha := found["alpha"]) is None:
        lines.append(f"  {found['why']}")
    else:
        interval = f"[{alpha['lower']:.3f}, {alpha['upper']:.3f}]"
        lines.append(f"  agreement beyond chance: alpha {alpha['value']:.3f} {interval}, "
                     f"{_in_words(alpha)}")  # fmt: skip
    if (same := found["same"]) is not None:
        lines.append(
            f"  two people give one item the same label in {same:.1%}: a model that does as well "
            "against one of them cannot be told from a person"
        )
    for one in found["confused"]:
        lines.append(f"  confused: {one['one']} / {one['other']}, {one['share']:.0%} of what "
                     "people differ about")  # fmt: skip
    for one in found["pairs"][:MOST_PAIRS]:
        lines.append(f"  {one['one']} and {one['other']}: {_pair(one)}")
    if delay := found["delay"]:
        lines.append(
            f"  labels come {delay['median']:.1f} days after the event in the middle, 95 of 100 "
            f"within {delay['p95']:.1f}: events younger than that lack labels, and are no evidence "
            "of what happened"
        )
        if delay["before"]:
            lines.append(
                f"  {acting(delay['before'], 'label', 'were')} given before their event: what they "
                "tell was not known then, or a time is wrong"
            )
    if found["disputed"]:
        lines.append(f"  {counted(found['disputed'], 'item')} to look at again: {found['file']}")
    return lines


def _in_words(alpha: dict[str, float]) -> str:
    if alpha["lower"] >= RELIABLE:
        return "good enough to learn from"
    if alpha["upper"] < TENTATIVE:
        return "too little: say more exactly what each label means, then label again"
    return "for tentative conclusions: look at what people differ about first"


def _pair(one: dict[str, Any]) -> str:
    start = f"{counted(one['items'], 'item')} in common"
    if one["kappa"] is None:
        return f"{start}, one label alone: nothing can be said beyond chance"
    kappa = one["kappa"]
    interval = f"[{kappa['lower']:.2f}, {kappa['upper']:.2f}]"
    return f"{start}, kappa {kappa['value']:.2f} {interval}"


def _examined(name: str, asked: Labels, seed: int) -> dict[str, Any]:
    check_name("labels", name)
    with connect() as connection:
        counted = given(connection, asked)
        found: dict[str, Any] = {"name": name}
        found["asked"] = asked.model_dump(mode="json", exclude_none=True)
        found |= counted | _agreement(connection, asked, seed)
        found["pairs"] = _pairs(connection, found.pop("kinds"), asked.scale)
        found["delay"] = _delay(connection, asked)
        found |= _disputed(connection, name)
    REPORTS.mkdir(parents=True, exist_ok=True)
    write_json(REPORTS / f"{name}.json", found)
    return found


def _agreement(connection: "duckdb.DuckDBPyConnection", asked: Labels, seed: int) -> dict[str, Any]:
    import numpy as np

    facts: dict[str, Any] = {"same": None, "confused": [], "kinds": None, "alpha": None}
    if asked.scale == "interval":
        found = connection.execute(
            """SELECT count(*) AS n, sum(x), sum(x * x) FROM (
                   SELECT item, CAST(label AS DOUBLE) - avg(label) OVER () AS x FROM given)
               GROUP BY item HAVING n > 1 ORDER BY ALL"""
        ).fetchnumpy()
        counts = np.column_stack([np.asarray(one, float) for one in found.values()])
        sizes, times = counts[:, 0], np.ones(len(counts), int)
        distances = agreement.of_numbers()
    else:
        facts["kinds"] = coded(connection, asked)
        q = len(facts["kinds"])
        patterns = connection.execute(
            """SELECT codes, count(*) FROM (
                   SELECT list_sort(list(code)) AS codes FROM coded GROUP BY item)
               WHERE len(codes) > 1 GROUP BY codes ORDER BY codes"""
        ).fetchall()
        counts = np.zeros((len(patterns), q))
        for place, (codes, _) in enumerate(patterns):
            np.add.at(counts[place], codes, 1)
        sizes, times = counts.sum(1), np.array([many for _, many in patterns], int)
        distances = agreement.of_names(q)
        facts |= _differences(counts, sizes, times, facts["kinds"])
        if asked.scale == "ordinal":
            distances = agreement.of_order(times @ counts)
    if not len(counts):
        facts["why"] = (
            "no item has labels of two people, so that nobody knows how sure a label is: let some "
            "items, chosen at random, be labelled by a second person"
        )
        return facts
    found = agreement.alpha(counts, sizes, times, distances, seed)
    if found is None:
        facts["why"] = "all of them give one label alone: nothing can be said beyond chance"
    else:
        facts["alpha"] = dict(zip(("value", "lower", "upper"), found, strict=True))
    return facts


def _differences(
    counts: "ndarray", sizes: "ndarray", times: "ndarray", kinds: list[str]
) -> dict[str, Any]:
    """Return how often two labels of an item are the same, and which ones are confused most."""
    import numpy as np

    each = times / (sizes - 1)
    pairs = np.einsum("pq,pr,p->qr", counts, counts, each) - np.diag(each @ counts)
    total, apart = pairs.sum(), pairs.sum() - np.trace(pairs)
    if not total:
        return {}
    upper = np.triu(pairs, 1) * 2
    most = np.argsort(-upper, axis=None, kind="stable")[:MOST_PAIRS]
    places = [(int(i), int(j)) for i, j in zip(*np.unravel_index(most, upper.shape), strict=True)]
    return {
        "same": float(1 - apart / total),
        "confused": [
            {"one": kinds[i], "other": kinds[j], "share": float(upper[i, j] / apart)}
            for i, j in places if upper[i, j] > 0.05 * apart
        ] if len(kinds) > 2 else [],
    }  # fmt: skip


def _pairs(
    connection: "duckdb.DuckDBPyConnection", kinds: list[str] | None, scale: str
) -> list[dict[str, Any]]:
    """Compare two people each, those who agree least first."""
    import numpy as np

    if kinds is None:
        return []
    q = len(kinds)
    place = np.arange(q) / max(q - 1, 1)
    weights = 1 - (place[:, None] - place[None, :]) ** 2 if scale == "ordinal" else np.eye(q)
    tables: dict[tuple[str, str], Any] = {}
    for one, other, i, j, many in connection.execute(
        """SELECT a.who, b.who, a.code, b.code, count(*) FROM coded AS a JOIN coded AS b
           ON a.item = b.item AND a.who < b.who GROUP BY ALL ORDER BY ALL"""
    ).fetchall():
        tables.setdefault((one, other), np.zeros((q, q)))[i, j] = many
    found = []
    for (one, other), table in tables.items():
        if table.sum() >= FEWEST:
            told = agreement.kappa(table, weights)
            bounds = dict(zip(("value", "lower", "upper"), told, strict=True)) if told else None
            found.append({"one": one, "other": other, "items": int(table.sum()), "kappa": bounds})
    found.sort(key=lambda pair: pair["kappa"]["value"] if pair["kappa"] else 1.0)
    return found


def _delay(connection: "duckdb.DuckDBPyConnection", asked: Labels) -> dict[str, Any] | None:
    """Return days from the event to its label, over all that have both times."""
    if asked.event is None:
        return None
    ((labels, before, median, p95, most),) = connection.execute(
        """SELECT count(*), count(*) FILTER (days < 0), median(days), quantile_cont(days, 0.95),
                  max(days)
           FROM (SELECT (epoch(CAST(told_at AS TIMESTAMP)) - epoch(CAST(event AS TIMESTAMP)))
                        / 86400 AS days
                 FROM given WHERE told_at IS NOT NULL AND event IS NOT NULL)"""
    ).fetchall()
    if not labels:
        return None
    return {"labels": labels, "before": before, "median": median, "p95": p95, "most": most}


def _disputed(connection: "duckdb.DuckDBPyConnection", name: str) -> dict[str, Any]:
    """Write the items that people label differently, the most divided first."""
    connection.execute(
        """CREATE TEMP TABLE disputed AS
           SELECT item, sum(many) AS labels, max(many) / sum(many) AS largest_share,
                  string_agg(concat(label, ': ', many), ', ' ORDER BY many DESC, label) AS said
           FROM (SELECT item, label, count(*) AS many FROM given GROUP BY ALL)
           GROUP BY item HAVING count(*) > 1"""
    )
    ((many,),) = connection.execute("SELECT count(*) FROM disputed").fetchall()
    file = DISPUTED / f"{name}.csv"
    DISPUTED.mkdir(parents=True, exist_ok=True)
    with written_beside(file) as beside:
        connection.execute(
            f"COPY (SELECT * FROM disputed ORDER BY largest_share, item) TO "
            f"{literal(beside.as_posix())} (FORMAT csv, HEADER)"
        )
    return {"disputed": many, "file": file.as_posix()}
