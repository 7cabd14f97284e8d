"""What a person should know of a table, the gravest first; no sentence holds a value of a row."""

from collections.abc import Iterator
from typing import Any

from mlops_kit.core.words import counted
from mlops_kit.data.profiling.outliers import FAR_TOGETHER

# The gravest first.
KINDS = ("leak", "empty", "constant", "equal columns", "equal rows", "imbalance", "outliers",
         "infinite", "missing", "nearly constant", "high correlation", "identifier",
         "blank")  # fmt: skip
MISSING = 0.05
NEARLY = 0.99
# The rarest class has less than such a part of its even share.
UNEVEN = 0.2
STRONG = 0.95
# How many times the limit far-out values must reach, to be worth a word: alone, or in one block.
VERY_FAR = 3.0
FEW_LEVELS = 12
MOST_PAIRS = 5
LEAST_COMPARED = 3  # columns, of which equal rows are no matter of course
MOST_NAMES = 12


def findings(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """List what was found: kind, columns, sentence and what to do."""
    found = [*_leaks(profile), *_columns(profile), *_repeated(profile), *_imbalance(profile),
             *_pairs(profile)]  # fmt: skip
    return sorted(found, key=lambda one: KINDS.index(one["kind"]))


def _finding(kind: str, names: list[str], sentence: str, do: str) -> dict[str, Any]:
    return {"kind": kind, "columns": names, "sentence": sentence, "do": do}


def _leaks(profile: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, why in profile["leaks"].items():
        yield _finding(
            "leak", [name], f'"{name}" {why}.',
            "Find out when it is written: what is known only after the outcome is no feature.",
        )  # fmt: skip


def _columns(profile: dict[str, Any]) -> Iterator[dict[str, Any]]:
    rows, listed = profile["rows"], profile["columns"]
    outcome = (profile["outcome"] or {}).get("column")
    empty = [one["name"] for one in listed if one["missing"] == rows]
    constant = [one["name"] for one in listed if one.get("constant")]
    if empty:
        yield _finding("empty", empty, f"{_named(empty)}: no value in any row.",
                       "Drop it, or mend what should fill it.")  # fmt: skip
    if constant:
        yield _finding("constant", constant, f"{_named(constant)}: one value in all rows that have "
                       "one.", "Drop it: it tells nothing.")  # fmt: skip
    nearly = [
        one["name"] for one in listed
        if NEARLY <= one.get("commonest_share", 0) < 1 and one["name"] != outcome
    ]  # fmt: skip
    if nearly:
        yield _finding("nearly constant", nearly, f"{_named(nearly)}: one value in "
                       f"{NEARLY:.0%} of the rows or more.",
                       "Ask whether the rest are mistakes, or just what counts.")  # fmt: skip
    for one in listed:
        yield from _values(one, rows)
    missing = [one for one in listed if MISSING <= one["missing_share"] < 1]
    if missing:
        missing.sort(key=lambda one: -one["missing_share"])
        said = ", ".join(f'"{one["name"]}" {one["missing_share"]:.1%}' for one in missing[:5])
        more = f", and {len(missing) - 5} more" if missing[5:] else ""
        yield _finding("missing", [one["name"] for one in missing], f"Missing: {said}{more}.",
                       "Ask why: that a value is missing may say something.")  # fmt: skip
    keys = [one["name"] for one in listed if one["identifier"]]
    if keys:
        yield _finding("identifier", keys, f"{_named(keys)}: names rows, or who they are of; no "
                       "value is shown.", "Keep it out of the features.")  # fmt: skip


def _values(one: dict[str, Any], rows: int) -> Iterator[dict[str, Any]]:
    name = one["name"]
    if infinite := one.get("infinite"):
        yield _finding("infinite", [name], f'"{name}": {counted(infinite, "row")} with an infinite '
                       "number.", "See by what it is divided.")  # fmt: skip
    if blank := one.get("blank"):
        yield _finding("blank", [name], f'"{name}": {counted(blank, "row")} with an empty text, '
                       "which is not counted as missing.", "Say which it is.")  # fmt: skip
    out = one.get("outliers")
    if not out:
        return
    # Some heavy tail is honest: a word is worth what reaches far, or stands together.
    together = (out["block"] or out["one_value"]) and (one["distinct"] or 0) > FEW_LEVELS
    if out["reach"] < (FAR_TOGETHER if together else VERY_FAR) or rows < 2 * out["rows"]:
        return
    where = ""
    if out["block"]:
        where = f", together in rows {out['first_row']:,} to {out['last_row']:,}"
    if out["one_value"]:
        where += ", on one side all of them one value, as of a stand-in for what is missing"
    yield _finding(
        "outliers", [name],
        f'"{name}": {counted(out["rows"], "row")} ({_share(out["share"])}) lie far out, as far as '
        f"{out['reach']:.1f} times the limit{where}.",
        "Look at these rows: a unit, a stand-in, a bad batch, or truly so?",
    )  # fmt: skip


def _repeated(profile: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for one in profile["repeated_columns"]:
        how = "holds what" if one["how"] == "equal" else "is another spelling of what"
        yield _finding(
            "equal columns", [one["column"], one["of"]],
            f'"{one["column"]}" {how} "{one["of"]}" holds, in every row.', "Keep one of them.",
        )  # fmt: skip
    repeated = profile["repeated_rows"]
    if repeated["rows"] and repeated["compared"] >= LEAST_COMPARED:
        but = f" but {_named(repeated['left_out'])}" if repeated["left_out"] else ""
        yield _finding(
            "equal rows", [],
            f"{counted(repeated['rows'], 'row')} ({_share(repeated['share'])}) repeat another one "
            f"in all {counted(repeated['compared'], 'column')}{but}.",
            "Ask whether they were read twice; copies in training and holdout flatter a model.",
        )  # fmt: skip


def _imbalance(profile: dict[str, Any]) -> Iterator[dict[str, Any]]:
    outcome = profile["outcome"] or {}
    if outcome.get("kind") != "classes" or "rarest_share" not in outcome:
        return
    rare, classes = outcome["rarest_share"], outcome["classes"]
    if classes < 2 or rare >= UNEVEN / classes:
        return
    times = outcome["commonest_share"] / rare
    yield _finding(
        "imbalance", [outcome["column"]],
        f'"{outcome["column"]}": of {classes} classes the rarest has {_share(rare)} of the rows, '
        f"the commonest {times:,.0f} times as many.",
        "Judge by a metric that sees the rare class, and split so that each part has it.",
    )  # fmt: skip


def _pairs(profile: dict[str, Any]) -> Iterator[dict[str, Any]]:
    outcome = (profile["outcome"] or {}).get("column")
    same = {frozenset((one["column"], one["of"])) for one in profile["repeated_columns"]}
    strong = [
        pair for pair in profile["relations"]["pairs"]
        if pair["value"] >= STRONG and outcome not in (pair["a"], pair["b"])
        and frozenset((pair["a"], pair["b"])) not in same
    ]  # fmt: skip
    for pair in strong[:MOST_PAIRS]:
        more = f" ({len(strong) - MOST_PAIRS} more such pairs)" if (
            pair is strong[min(len(strong), MOST_PAIRS) - 1] and strong[MOST_PAIRS:]
        ) else ""  # fmt: skip
        yield _finding(
            "high correlation", [pair["a"], pair["b"]],
            f'"{pair["a"]}" and "{pair["b"]}" go together: {pair["measure"]} '
            f"{pair['value']:.3f}{more}.", "One of them may do.",
        )  # fmt: skip


def _named(names: list[str]) -> str:
    shown = ", ".join(f'"{name}"' for name in names[:MOST_NAMES])
    return shown + (f" and {len(names) - MOST_NAMES} more" if names[MOST_NAMES:] else "")


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"
