"""What the decision was made from: rows read and set aside, missing values, the split."""

from collections.abc import Mapping

from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.holdout.background import Data, Read
from mlops_kit.compare.report.classes import Titled
from mlops_kit.compare.report.plots import clip
from mlops_kit.core.words import counted

# What a person still reads; the rest is in reports/data/reading.json.
MOST_NAMED = 3
MOST_TABLES = 12


def data_table(decision: Decision) -> Titled | None:
    """Tabulate what was read; None for a table of one's own, of which nothing is known."""
    data = decision.get("data")
    if not data:
        return None
    rows = [["table", "files", "rows read", "set aside", "missing values"]]
    named = sorted(data["tables"].items(), key=lambda pair: -pair[1]["set_aside"])
    rows += [
        [clip(name, 30), f"{each['files'] or '-'}", f"{each['rows']:,}", _aside(each), _gaps(each)]
        for name, each in named[:MOST_TABLES]
    ]
    return Titled("The data", rows, _caption(decision, data, len(named) - MOST_TABLES))


def _aside(table: Read) -> str:
    if not table["set_aside"]:
        return "0"
    return f"{table['set_aside']:,} ({table['set_aside'] / table['rows']:.2%})"


def _gaps(table: Read) -> str:
    return _most(table["missing"]) or "0"


def _caption(decision: Decision, data: Data, more: int) -> str:
    said = []
    if "training_rows" in data:
        held = f"{counted(decision['primary']['n_rows'], 'row')} held back"
        if days := data.get("holdout_days"):
            held += f" ({days[0]} to {days[1]})"
        said.append(
            f"Learned from {counted(data['training_rows'], 'row')} with "
            f"{counted(data['features'], 'feature')}, judged on {held}."
        )
    if "augmented_rows" in data:
        made = counted(data["augmented_rows"], "row")
        said.append(f"augment() of model.py made {made} of those learned from, of no others.")
    if fits := data.get("cutoffs"):
        days = [each["cutoff"].removesuffix("T00:00:00") for each in fits]
        said.append(
            f"Fitted anew at {len(fits)} cut-offs ({days[0]} to {days[-1]}), on what was known at "
            f"each ({counted(fits[0]['training_rows'], 'row')} at the first); each fit is judged "
            "on the rows up to the next, and the last one is the model that is registered."
        )
    for name, each in data["tables"].items():
        if each["set_aside"]:
            said.append(f"Set aside of {name}: {_most(each['reasons'])}.")
        if left_out := each.get("left_out"):
            said.append(f"Left out of {name} after reading: {_rows(left_out)}.")
        if each["not_read"]:
            left = {file: 0 for file in each["not_read"]}
            said.append(f"Not read for {name}: {_most(left)}.")
    if more > 0:
        are = "is" if more == 1 else "are"
        said.append(f"{counted(more, 'more table')} {are} in reports/data/reading.json.")
    return " ".join(said)


def _rows(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{counted(rows, 'row')}, as {why}" for why, rows in reasons.items())


def _most(counts: Mapping[str, int]) -> str:
    """Name the commonest with their counts, and say how many more there are."""
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])
    shown = [f"{clip(name, 60)} {count:,}" if count else name for name, count in ranked]
    more = len(shown) - MOST_NAMED
    return ", ".join(shown[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
