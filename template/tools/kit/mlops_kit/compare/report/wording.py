"""What a decision says to people, in the words that all reports share."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Check, Decision, Primary
from mlops_kit.compare.gate import others_of
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.report.users import Consequences
from mlops_kit.core.words import counted

WORDS = {
    "A": {"promote": "GO", "reject": "NO-GO", "inconclusive": "MORE DATA"},
    "B": {"promote": "PROMOTE", "reject": "REJECT", "inconclusive": "INCONCLUSIVE"},
    "C": {"promote": "PROMOTE", "reject": "REJECT", "inconclusive": "INCONCLUSIVE"},
}
INCUMBENT = {"A": "simple baseline", "B": "rules in force", "C": "model in force"}
SECTIONS = {
    "primary": "Primary metric",
    "guardrails": "Guardrail",
    "slices": "Slice",
    "fairness": "Fairness",
    "flips": "Negative flips",
    "ops": "Operations",
    "safety": "Validity",
}
MOST_REASONS = 3
PILLS = {"pass": "pass", "fail": "fail", "inconclusive": "open", "skipped": "skipped"}
LEVELS = ("trivial", "business_threshold")


def word_of(decision: Decision) -> str:
    """Return the verdict as this case says it."""
    return WORDS[decision["case"]][decision["decision"]]


def labels_of_roles(decision: Decision) -> dict[str, str]:
    """Role -> what people call it."""
    incumbent = INCUMBENT[decision["case"]]
    return {
        "candidate": "candidate",
        "incumbent": incumbent,
        "oracle": "best possible",
        "trivial": "trivial guess",
    }


def entries_of(decision: Decision) -> Iterator[tuple[str, Check | Primary]]:
    """Yield every check of the decision with the name of its section, the primary metric first."""
    yield SECTIONS["primary"], decision["primary"]
    for group, each in others_of(decision):
        yield "Level" if each["name"] in LEVELS else SECTIONS[group], each


def meaning(holdout: Holdout) -> str:
    """Say what the primary metric is, and how it is taken over several classes."""
    said = holdout.metric.meaning
    if holdout.metric.macro and len(holdout.classes) > 2:
        said += ", each class against the others, averaged"
    return said


def gained(estimate: float, lower: float, upper: float) -> str:
    """Say a gain and its interval on one line, in the direction in which it points.

    >>> gained(-0.0005, -0.0011, 0.00004)
    'worse by 0.0005 [0.0000, 0.0011]'
    >>> gained(0.0005, -0.00004, 0.0011)
    'better by 0.0005 [0.0000, 0.0011]'
    """
    if estimate >= 0:
        return f"better by {estimate:.4f} [{lower:z.4f}, {upper:.4f}]"
    return f"worse by {-estimate:.4f} [{-upper:z.4f}, {-lower:.4f}]"


def who(context: dict[str, str]) -> str:
    """Say whom or what the predictions are about, in the plural."""
    return context.get("who", "rows")


def for_users(users: Consequences, decision: Decision) -> str:
    """Say what the change means for a thousand users served."""
    return _counted(users, INCUMBENT[decision["case"]]) + _contradiction(users, decision)


def _contradiction(users: Consequences, decision: Decision) -> str:
    """Warn where a metric that a few large errors rule wins while most users lose."""
    if decision["decision"] != "promote" or users.net >= -0.5:
        return ""
    return (
        f" Look twice: {decision['primary']['metric']} gains while more lose than gain; ask "
        "which of the two the business means, and guard it (a guardrail, or a budget of flips)."
    )


def _counted(users: Consequences, incumbent: str) -> str:
    gained, lost = users.told(users.gained), users.told(users.lost)
    if users.errors is not None and not users.right:
        new, old = users.errors
        digits = max(0, 2 - math.floor(math.log10(max(new, old, 1e-9))))
        return (
            f"{gained:,} get a closer prediction than from the {incumbent}, {lost:,} a less close "
            f"one; the error per row goes from {old:,.{digits}f} to {new:,.{digits}f} on average."
        )
    if gained + lost == 0:
        return f"Nobody is served better or worse than by the {incumbent}."
    net = f"{abs(gained - lost):,} {'more' if gained > lost else 'fewer'}"
    served = "is served right" if abs(gained - lost) == 1 else "are served right"
    who = f"{net} {served}" if gained != lost else "As many are served right as now"
    return f"{who}: {gained:,} gain, and {lost:,} lose what the {incumbent} got right."


def footing(decision: Decision) -> str:
    """Say on how much data the decision stands."""
    primary = decision["primary"]
    units = "" if primary["design"] == "iid" else f" of {counted(primary['n_groups'], 'group')}"
    if primary["design"] == "two-way":
        units += f" in {counted(primary['n_periods'], 'period')}"
    if primary["design"] == "time":
        units = f" in {counted(primary['n_groups'], 'period')}"
    if primary["design"] == "folds":
        units = f" in {counted(primary['n_groups'], 'fold')}"
    text = (
        f"Paired on {counted(primary['n_rows'], 'row')}{units} "
        f"({primary['design']}).{_minded(primary)}"
    )
    inference = decision.get("inference", {})
    if inference.get("reuse") == "free":
        text += " Earlier uses of this holdout are not counted (inference.reuse: free)."
    whole = inference.get("alpha", primary["alpha"])
    if primary["alpha"] < whole:
        sharers = inference["candidates"]
        shared = f", {counted(sharers, 'candidate')} share it" if sharers > 1 else ""
        text += (
            f" Use number {inference['look']} of this holdout{shared}: of the risk of {whole:g} "
            f"it may take {primary['alpha']:.3g}."
        )
    if outcomes := decision.get("outcomes"):
        text += f" {outcomes['sentence']}"
    return text


def _minded(primary: Primary) -> str:
    """Say in plain words which likeness of rows the interval allows for, and which not."""
    if primary["design"] in ("two-way", "time"):
        of_groups = "what all rows of a group share and " if primary["design"] == "two-way" else ""
        return (
            f" The interval allows for {of_groups}what all rows of a period share, and for spells "
            "that last over several periods."
        )
    if primary["design"] == "folds" or "n_periods" not in primary:
        return ""
    if primary["n_periods"]:
        return " No interval allows for what all rows of a period share."
    return " The table has no time: no interval allows for what all rows of a day or month share."


def numbers(decision: Decision, config: CompareConfig | None = None) -> list[list[str]]:
    """Tabulate what was measured: a heading row, then rows of a name and a value."""
    primary, digits, labels = decision["primary"], digits_of(decision), labels_of_roles(decision)
    table = [["", f"{primary['metric']} ({primary['direction']} is better)"]]
    for role in ("candidate", "incumbent"):
        name, label = decision[role]["name"], labels[role]
        label = label if name == label else f"{label} ({name})"
        table.append([label, f"{decision[role]['value']:,.{digits}f}"])
    table.append(["gain", f"{primary['estimate']:+,.{digits}f}"])
    interval = f"{primary['lower']:+,.{digits}f} to {primary['upper']:+,.{digits}f}"
    table.append([f"its {100 * (1 - 2 * primary['alpha']):.4g} % interval", interval])
    if primary.get("margin") is not None:
        table.append(["may be worse by", f"{primary['margin']:g}"])
        table.append(["declared benefit", str(primary["benefit"])])
    else:
        table.append(["smallest useful gain", f"{primary['min_effect']:g}"])
    if config and (threshold := config.primary.business_threshold) is not None:
        table.append(["level that the business needs", f"{threshold:g}"])
    if mcnemar := decision.get("mcnemar"):
        table.append(["McNemar's mid-p", f"{mcnemar['p_value']:.3g}"])
    for other in decision.get("candidates", []):
        if other["name"] != decision["candidate"]["name"]:
            gain = f"{other['estimate']:+,.{digits}f}, {other['decision']}"
            table.append([f"gain of {other['name']}", gain])
    if oracle := decision.get("oracle"):
        table.append([labels["oracle"], f"{oracle['value']:,.{digits}f}"])
        if (share := oracle.get("share_of_gap_closed")) is not None:
            table.append(["share of the possible gain", f"{100 * share:.0f} %"])
    return table


def digits_of(decision: Decision) -> int:
    """Decimals that show two digits of the standard error: more would be noise."""
    error = decision["primary"]["standard_error"]
    return min(6, max(0, 1 - math.floor(math.log10(error)))) if error > 0 else 4


def are_by_a_number(entries: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether all are named "column = number" of one column; they are made in its order."""
    parts = [str(each["name"]).partition(" = ") for each in entries]
    numbers = all(re.fullmatch(r"-?\d+(\.\d+)?", level) for _, _, level in parts)
    return numbers and len({column for column, _, _ in parts}) == 1
