"""What a decision says for itself: its reasons, what to do next, and the rows that it lacks."""

from collections.abc import Iterator
from typing import Any

from .checks import Entry
from .config import CompareConfig
from .gate import GROUPS
from .needed import FAR

NEXT = {
    ("A", "promote"): "Test it on real users, a small share first, and watch the business metric.",
    ("B", "promote"): "Run it in shadow beside the rules, then move users over in steps; "
    "keep the rules ready to return to.",
    ("C", "promote"): "Run it in shadow beside the present model, then move users over in steps; "
    "keep the present model ready to return to.",
    ("A", "reject"): "Do not build on this model: look for better features or another target.",
    ("B", "reject"): "Keep the rules; look for information that they do not use yet.",
    ("C", "reject"): "Keep the present model; look for information that it does not use yet.",
}
# Findings that leave the figures without a meaning, whichever system they favour.
MEANINGLESS = {"copied rows", "immature outcomes", "perfect score"}
NO_CHANGE = "Nothing to deploy: change the model first, or check which one was trained."


def checks_of(decision: dict[str, Any]) -> Iterator[Entry]:
    """Every check of a decision, the primary metric first."""
    yield decision["primary"]
    for group in GROUPS:
        found = decision.get(group, [])
        yield from found.values() if isinstance(found, dict) else found


def reasons_of(result: dict[str, Any]) -> list[str]:
    """Sentences that explain the decision, what weighs most first."""
    vouched = [each["sentence"] for each in result["safety"] if "acknowledged" in each]
    return [*_deciding(result), *vouched]


def _deciding(result: dict[str, Any]) -> list[str]:
    wanted = {"reject": "fail", "inconclusive": "inconclusive", "promote": "pass"}
    verdict = wanted[result["decision"]]
    if verdict != "pass":
        if result["same"]:
            return [result["primary"]["sentence"]]
        deciding = [check for check in checks_of(result) if check["verdict"] == verdict]
        # What makes the figures meaningless comes before the figures.
        deciding.sort(key=lambda check: check not in result["safety"])
        return [check["sentence"] for check in deciding]
    others = sum(check["verdict"] == "pass" for check in checks_of(result)) - 1
    told = f"Every other check passes too ({others} of {others})." if others else None
    return [result["primary"]["sentence"], *([told] if told else [])]


def next_step(result: dict[str, Any], config: CompareConfig) -> str:
    """Say what to do next, in a sentence."""
    decision, primary = result["decision"], result["primary"]
    if result["same"]:
        return NO_CHANGE
    if decision == "promote":
        return NEXT[config.case, decision]
    if decision == "reject":
        if primary["verdict"] == "fail" and not _unlifted(result):
            return NEXT[config.case, decision]
        stay = "Show it to nobody" if config.case == "A" else "Keep what is in force"
        return f"{stay} until that is mended, then compare again."
    if any(check["name"] == "censored labels" for check in result["safety"]):
        return "Run an A/B test: only users who are served by the candidate can show its effect."
    stay = "show it to nobody" if config.case == "A" else "keep what is in force"
    needed = needed_of(result)
    if is_meaningless(result):
        days = [check["judge_from"] for check in result["safety"] if "judge_from" in check]
        when = f"again, from {days[0]} on" if days else "again"
        return f"Do what the reasons say, then compare {when}; until then {stay}."
    if rows := needed.get("rows"):
        if rows > FAR * primary["n_rows"]:
            return "The two are practically equal: build a stronger candidate, or decide by cost."
        days = f" ({needed['days']:,} days' worth)" if "days" in needed else ""
        return (
            f"Collect about {rows:,} rows in all{days}: if the differences are what they look "
            f"like, they decide with a chance of {100 * config.inference.power:.0f} %. Until then "
            f"{stay}."
        )
    return f"Do what the reasons say, then compare again; until then {stay}."


def is_meaningless(result: dict[str, Any]) -> bool:
    """Tell whether a finding that is open, and no proven fault, spoils the figures."""
    verdicts = {check["name"]: check["verdict"] for check in result["safety"]}
    open_ = any(verdicts.get(name) == "inconclusive" for name in MEANINGLESS)
    return open_ and "fail" not in verdicts.values()


def _unlifted(result: dict[str, Any]) -> list[Entry]:
    """Findings about the holdout or the systems that nobody vouches for."""
    return [each for each in result["safety"] if "acknowledged" not in each]


def needed_of(result: dict[str, Any]) -> dict[str, int]:
    """Rows, and days, that settle every open question."""
    found = {}
    for key, name in (("rows", "rows_needed"), ("days", "days_needed")):
        values = [check[name] for check in checks_of(result) if name in check]
        if values:
            found[key] = max(values)
    return found
