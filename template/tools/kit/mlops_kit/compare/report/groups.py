"""The groups of people that fairness compares: what each figure means, and what it cannot tell."""

from mlops_kit.compare.checks.common import share
from mlops_kit.compare.decision_schema import Check, Decision
from mlops_kit.compare.report.classes import Titled
from mlops_kit.compare.report.plots import clip

MOST_GROUPS = 12
MEANS = {
    "all": "Share of a group's rows that a system picks",
    "positives": "Share of a group's positives that a system picks (right alarms)",
    "negatives": "Share of a group's negatives that a system picks (wrong alarms)",
}
LIMITS = (
    "A gap says that groups are treated differently, not why, and not whether that is wrong: where "
    "the outcomes of groups differ, the best possible system picks unlike shares too, and no "
    "useful one is without a gap in both measures. Whether being picked is good or bad for a "
    "person, only you know. One column is looked at at a time, and no group below "
    "fairness.min_rows."
)


def group_tables(decision: Decision, labels: dict[str, str]) -> list[Titled]:
    """Tabulate each gap's groups, the one that is picked most first; `labels` are by role."""
    found = [each for each in decision.get("fairness", []) if each.get("groups")]
    tables = [_table(each, labels) for each in found]
    if tables:
        tables[-1] = tables[-1]._replace(caption=f"{tables[-1].caption} {LIMITS}")
    return tables


def _table(check: Check, labels: dict[str, str]) -> Titled:
    groups = sorted(check["groups"], key=lambda each: -each["candidate"])
    rows = [["group", "rows", labels["candidate"], labels["incumbent"]]]
    shown = groups
    if len(groups) > MOST_GROUPS:
        shown = [*groups[: MOST_GROUPS // 2], *groups[-MOST_GROUPS // 2 :]]
    rows += [
        [clip(each["name"], 30), f"{each['rows']:,}", share(each["candidate"]),
         share(each["incumbent"])]
        for each in shown
    ]  # fmt: skip
    few = f" The ends of {len(groups)} groups." if len(shown) < len(groups) else ""
    column = check["name"].partition(" by ")[2]
    what = {"all": "picked", "positives": "right alarms", "negatives": "wrong alarms"}
    heading = f"{clip(column, 40)}: {what[check['among']]}"
    return Titled(heading, rows, f"{check['sentence']} {MEANS[check['among']]}.{few}")
