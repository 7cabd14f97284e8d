"""The page of a profile: what was found, the outcome, every column, and what goes together."""

import datetime
from pathlib import Path
from typing import Any

from mlops_kit.compare.profile.bars import bars
from mlops_kit.compare.report.language.say import readable
from mlops_kit.compare.report.page import template_in
from mlops_kit.core.words import counted

# Columns that get a card of their own; of a wider table those that something was found of.
MOST_CARDS = 80
MOST_ROWS = 400
MOST_IN_MAP = 24
MOST_TOLD = 15
LOUD = ("leak", "empty", "constant", "equal columns", "equal rows", "imbalance", "outliers",
        "infinite")  # fmt: skip
SHOWN = (
    "No value of a column that names rows is shown; of others the extremes, and values that at "
    "least five rows share."
)
RESTRICTED = (
    "This page shows values of data that was never protected: it lies in the restricted zone, and "
    "stays there."
)


def html_page(profile: dict[str, Any], project: str) -> str:
    """Write the page of a profile, which asks nothing of the network and runs no script."""
    found = profile["findings"]
    loud = [one for one in found if one["kind"] in LOUD]
    marked: dict[str, list[str]] = {}
    for one in found:
        for name in one["columns"]:
            marked.setdefault(name, []).append(one["kind"])
    columns = profile["columns"]
    chosen = columns
    if len(columns) > MOST_CARDS:
        outcome = (profile["outcome"] or {}).get("column")
        ordered = sorted(columns, key=lambda each: (each["name"] != outcome,
                                                    each["name"] not in marked))  # fmt: skip
        kept = {each["name"] for each in ordered[:MOST_CARDS]}
        chosen = [each for each in columns if each["name"] in kept]
    against = profile.get("against")
    moved = {one["column"]: one["histogram"] for one in (against or {}).get("differences", ())
             if "histogram" in one}  # fmt: skip
    return template_in(Path(__file__).parent).render(
        word=_word(loud, found),
        colour="inconclusive" if loud else "promote",
        project=project,
        profile=profile,
        size=f"{counted(profile['rows'], 'row')}, {counted(len(columns), 'column')}",
        kinds=_kinds(columns),
        missing=_missing(profile),
        loud=LOUD,
        shown=SHOWN + (f" {RESTRICTED}" if profile["restricted"] else ""),
        outcome=_outcome(profile),
        told=_told(profile),
        map=_map(profile["relations"]),
        pairs=_pairs(profile["relations"]),
        cards=[_card(one, marked, moved, profile) for one in chosen],
        hidden=len(columns) - len(chosen),
        rows=[_row(one, profile["rows"]) for one in columns[:MOST_ROWS]],
        beyond=max(len(columns) - MOST_ROWS, 0),
        against=against,
    )


def _word(loud: list[Any], found: list[Any]) -> str:
    if loud:
        return f"{counted(len(loud), 'thing')} to look at"
    return "Nothing alarming" if found else "Nothing found"


def _kinds(columns: list[dict[str, Any]]) -> str:
    names = {
        "number": ("number", "numbers"),
        "text": ("text", "texts"),
        "boolean": ("yes or no", "yes or no"),
        "time": ("time", "times"),
        "other": ("of another type", "of other types"),
    }
    counts = {kind: sum(one["kind"] == kind for one in columns) for kind in names}
    said = [f"{count} {names[kind][count > 1]}" for kind, count in counts.items() if count]
    return ", ".join(said)


def _missing(profile: dict[str, Any]) -> str:
    cells = profile["rows"] * len(profile["columns"])
    missing = sum(one["missing"] for one in profile["columns"])
    some = sum(one["missing"] > 0 for one in profile["columns"])
    if not missing:
        return "no value"
    return f"{share(missing / cells)} of all values, in {counted(some, 'column')}"


def _outcome(profile: dict[str, Any]) -> dict[str, Any] | None:
    outcome = profile["outcome"]
    if outcome is None:
        return None
    record = next(one for one in profile["columns"] if one["name"] == outcome["column"])
    if outcome["kind"] == "classes" and "levels" in record:
        return {"name": outcome["column"], "levels": _levels(record, profile["rows"]), "card": None}
    return {"name": outcome["column"], "levels": [], "card": _card(record, {}, {}, profile)}


def _told(profile: dict[str, Any]) -> list[dict[str, Any]]:
    leaks = profile["leaks"]
    return [
        {"name": one["column"], "percent": 100 * one["share"], "said": share(one["share"]),
         "leak": one["column"] in leaks, "chance": one["chance"]}
        for one in profile["candidates"][:MOST_TOLD]
    ]  # fmt: skip


def _map(relations: dict[str, Any]) -> dict[str, Any] | None:
    """Choose the columns that go together most, in their order, for a map of pairs."""
    names, strength = relations["columns"], relations["strength"]
    if len(names) < 3:
        return None
    best = [
        max((value or 0 for place, value in enumerate(row) if place != at), default=0)
        for at, row in enumerate(strength)
    ]
    kept = sorted(sorted(range(len(names)), key=lambda at: -best[at])[:MOST_IN_MAP])
    rows = [
        {"name": names[at],
         "cells": [{"value": strength[at][to], "with": names[to]} for to in kept]}
        for at in kept
    ]  # fmt: skip
    return {"rows": rows, "of": len(names), "size": len(kept)}


def _pairs(relations: dict[str, Any]) -> list[list[str]]:
    head = ["columns", "measure", "strength"]
    rows = [
        [f"{one['a']} and {one['b']}", _measure(one), f"{one['value']:.2f}"]
        for one in relations["pairs"][:10]
        if one["value"] >= max(0.2, relations["limit"])
    ]
    return [head, *rows] if rows else []


def _measure(pair: dict[str, Any]) -> str:
    if pair["measure"] != "correlation":
        return pair["measure"]
    return f"Pearson {pair['pearson']:+.2f}, Spearman {pair['spearman']:+.2f}"


def _card(
    one: dict[str, Any], marked: dict[str, list[str]], moved: dict[str, Any],
    profile: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    name = one["name"]
    card: dict[str, Any] = {
        "name": name,
        "type": _type(one),
        "marks": [(kind, kind in LOUD) for kind in dict.fromkeys(marked.get(name, ()))],
        "facts": _facts(one, profile["rows"]),
        "levels": [],
        "svg": None,
        "words": one.get("text", {}).get("words", []),
    }
    if one["kind"] in ("text", "boolean") or _is_few(one):
        card["levels"] = _levels(one, profile["rows"])
    elif "histogram" in one:
        both = moved.get(name)
        if both:
            now, then = (_shares(both[key]) for key in ("now", "before"))
            card["svg"] = bars(now, f"Distribution of {name}, now and before", then)
        else:
            card["svg"] = bars(one["histogram"]["counts"], f"Distribution of {name}")
        edges = (both or one["histogram"])["edges"]
        low, high = edges[0], edges[-1] - (1 if one.get("whole") and not both else 0)
        card["ends"] = [value_of(one, low), value_of(one, min(high, max(one["maximum"], low)))]
        below, above = one["histogram"]["below"], one["histogram"]["above"]
        card["beyond"] = [f"← {counted(below, 'row')}"] if below else [""]
        card["beyond"].append(f"{counted(above, 'row')} →" if above else "")
        card["both"] = bool(both)
    return card


def _is_few(one: dict[str, Any]) -> bool:
    return one["kind"] == "number" and bool(one.get("levels")) and (one["distinct"] or 99) <= 8


def _shares(counts: list[int]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]


def _levels(one: dict[str, Any], rows: int) -> list[dict[str, Any]]:
    found = [
        {"name": _level(value), "count": f"{count:,}", "percent": 100 * count / rows, "rest": False}
        for value, count in one.get("levels", ())
    ]
    if one.get("levels") is not None and one.get("other_rows"):
        more = counted(one["other_levels"], "other")
        found.append({"name": more, "count": f"{one['other_rows']:,}",
                      "percent": 100 * one["other_rows"] / rows, "rest": True})  # fmt: skip
    return found


def _level(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    text = " ".join(text.split()) or "(empty)"
    return text if len(text) <= 40 else f"{text[:39]}…"


def _type(one: dict[str, Any]) -> str:
    if one["kind"] == "number":
        return "whole numbers" if one.get("whole") else "numbers"
    return {"time": "dates" if one["type"] == "DATE" else "times", "boolean": "yes or no",
            "text": "text"}.get(one["kind"], one["type"][:30].lower())  # fmt: skip


def _facts(one: dict[str, Any], rows: int) -> list[tuple[str, str]]:
    found = [("missing", share(one["missing"] / rows) if one["missing"] else "none")]
    if one.get("distinct") is not None:
        about = "" if one.get("distinct_exact") else "about "
        found.append(("different", f"{about}{one['distinct']:,}"))
    for key, name in (("mean", "mean"), ("median", "median"), ("mode", "mode")):
        if key in one and not (key == "mode" and one["kind"] in ("text", "boolean")):
            found.append((name, value_of(one, one[key])))
    if "deviation" in one and "mean" in one:
        found.append(("deviation", number(one["deviation"])))
    if "minimum" in one:
        ends = (value_of(one, one[key]) for key in ("minimum", "maximum"))
        found.append(("from, to", " to ".join(ends)))
    if quantiles := one.get("quantiles"):
        found.append(("middle half", f"{value_of(one, quantiles['0.25'])} to "
                      f"{value_of(one, quantiles['0.75'])}"))  # fmt: skip
    if out := one.get("outliers"):
        found.append(("far out", f"{counted(out['rows'], 'row')}"))
    if one.get("zeros"):
        found.append(("zero", share(one["zeros"] / rows)))
    if "longest" in one:
        found.append(("letters", f"{one['shortest']:,} to {one['longest']:,}, "
                      f"{one['mean_length']:.1f} on average"))  # fmt: skip
    if text := one.get("text"):
        found += [("words", f"{text['mean_words']:.1f} on average"),
                  ("vocabulary", f"{text['vocabulary']:,}, {text['once']:.0%} of it once"
                   f" (in {counted(text['rows'], 'row')})")]  # fmt: skip
    return found


def _row(one: dict[str, Any], rows: int) -> list[str]:
    distinct = "" if one.get("distinct") is None else f"{one['distinct']:,}"
    about = "" if one.get("distinct_exact", True) else "~"
    return [one["name"], _type(one), share(one["missing"] / rows) if one["missing"] else "",
            f"{about}{distinct}"]  # fmt: skip


def value_of(one: dict[str, Any], value: Any) -> str:
    """Write a value of a column for people: times as dates, numbers short."""
    if one["kind"] != "time":
        return number(value) if isinstance(value, int | float) else str(value)
    try:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=float(value))
    except (OverflowError, ValueError):
        return str(value)
    return moment.strftime("%Y-%m-%d" if one["type"] == "DATE" else "%Y-%m-%d %H:%M")


def number(value: float) -> str:
    """Write a number with four digits at least; from 10,000 on with commas."""
    if isinstance(value, bool):
        return str(value)
    size = abs(value)
    if size < 1e15 and (value == int(value) or size >= 1e4):
        return f"{value:,.0f}" if size >= 1e4 else f"{value:.0f}"
    return readable(f"{value:.4g}")


def share(value: float) -> str:
    """Write a share as a percentage, a small one as less than."""
    return f"{value:.1%}" if value >= 0.0005 or value == 0 else "<0.1%"
