"""What a decision says for itself: its reasons, what to do next, and the rows that it lacks."""

from collections.abc import Iterator

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check, Judged, Needed, Primary
from mlops_kit.compare.gate import others_of
from mlops_kit.compare.inference.needed import FAR, of_days
from mlops_kit.core.words import counted

NEXT = {
    ("A", "promote"): "Try it in practice, on a small share first, and watch the business metric.",
    ("B", "promote"): "Run it in shadow beside the rules, then move the traffic over in steps; "
    "keep the rules ready to return to.",
    ("C", "promote"): "Run it in shadow beside the present model, then move the traffic over in "
    "steps; keep the present model ready to return to.",
    ("A", "reject"): "Do not build on this model: look for better features or another target.",
    ("B", "reject"): "Keep the rules; look for information that they do not use yet.",
    ("C", "reject"): "Keep the present model; look for information that it does not use yet.",
}
# Findings that leave the figures without a meaning, whichever system they favour.
MEANINGLESS = {
    "copied rows",
    "rows of the training",
    "immature outcomes",
    "perfect score",
    "telling feature",
    "gain without spread",
}
NO_CHANGE = "Nothing to deploy: change the model first, or check which one was trained."


class Checked(Judged):
    """One candidate judged; `same` says that it predicts what the incumbent does."""

    same: bool


def checks_of(decision: Judged) -> Iterator[Check | Primary]:
    """Every check of a decision, the primary metric first."""
    yield decision["primary"]
    for _, each in others_of(decision):
        yield each


def reasons_of(result: Checked) -> list[str]:
    """Sentences that explain the decision, what weighs most first."""
    vouched = [each["sentence"] for each in result["safety"] if "acknowledged" in each]
    return [*_deciding(result), *vouched]


def _deciding(result: Checked) -> list[str]:
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
    skipped = sum(check["verdict"] == "skipped" for check in checks_of(result))
    beside = f"; {skipped} {'is' if skipped == 1 else 'are'} skipped" if skipped else ""
    every = "Every other check passes" if others > 1 else "The other check passes"
    told = f"{every} too ({others} of {others}{beside})." if others else None
    return [result["primary"]["sentence"], *([told] if told else [])]


def next_step(result: Checked, config: CompareConfig) -> str:
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
        return "Run an A/B test: only what the candidate really serves can show its effect."
    stay = "show it to nobody" if config.case == "A" else "keep what is in force"
    needed = needed_of(result)
    if is_meaningless(result):
        days = [check["judge_from"] for check in result["safety"] if "judge_from" in check]
        when = f"again, from {days[0]} on" if days else "again"
        return f"Do what the reasons say, then compare {when}; until then {stay}."
    if rows := needed.get("rows"):
        if rows > FAR * primary["n_rows"]:
            return "The two are practically equal: build a stronger candidate, or decide by cost."
        days = f" ({of_days(needed['days'])} worth)" if "days" in needed else ""
        return (
            f"Collect about {counted(rows, 'row')} in all{days}: if the differences are what they "
            f"look like, they decide with a chance of {100 * config.inference.power:.0f} %. Until "
            f"then {stay}."
        )
    return f"Do what the reasons say, then compare again; until then {stay}."


def is_meaningless(result: Checked) -> bool:
    """Tell whether a finding that is open, and no proven fault, spoils the figures."""
    verdicts = {check["name"]: check["verdict"] for check in result["safety"]}
    open_ = any(verdicts.get(name) == "inconclusive" for name in MEANINGLESS)
    return open_ and "fail" not in verdicts.values()


def _unlifted(result: Checked) -> list[Check]:
    """Findings about the holdout or the systems that nobody vouches for."""
    return [each for each in result["safety"] if "acknowledged" not in each]


def needed_of(result: Judged) -> Needed:
    """Rows, and days, that settle every open question."""
    checks, found = list(checks_of(result)), Needed()
    if rows := [check["rows_needed"] for check in checks if "rows_needed" in check]:
        found["rows"] = max(rows)
    if days := [check["days_needed"] for check in checks if "days_needed" in check]:
        found["days"] = max(days)
    return found
