"""Say the decision to people: report.md for a pull request, report.html for everybody."""

import re
from pathlib import Path
from typing import Any

from mlops_kit.compare.checks.common import value_of
from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_file import read
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.gate import check
from mlops_kit.compare.holdout.holdout import Holdout, read_holdout
from mlops_kit.compare.report import wording as story
from mlops_kit.compare.report.classes import Titled, class_tables
from mlops_kit.compare.report.data import data_table
from mlops_kit.compare.report.groups import group_tables
from mlops_kit.compare.report.language.say import ENGLISH, Given, say, speaking
from mlops_kit.compare.report.model import weights_table
from mlops_kit.compare.report.page import html_page
from mlops_kit.compare.report.plots import clip
from mlops_kit.compare.report.rollout import plan
from mlops_kit.compare.report.users import Consequences, consequences, of_the_winner
from mlops_kit.core.errors import BAD_INPUT, MlopsError
from mlops_kit.core.files import write_text
from mlops_kit.core.words import counted

__all__ = ["html_page", "judged", "markdown", "rewrite", "write_reports"]

# A pull-request comment longer than this is not read.
MOST_LETTERS = 3900
WORST_CHECKS = 8


def markdown(
    decision: Decision,
    context: dict[str, str],
    holdout: Holdout | None = None,
    config: CompareConfig | None = None,
) -> str:
    """Write report.md, below 4,000 characters whatever the decision and the names hold.

    Parameters
    ----------
    decision : dict
        As decide() returns it.
    context : dict
        `project` and `business_metric`, in words; `who`, what the predictions are about, in the
        plural (rows, unless it is said).
    holdout, config : Holdout, CompareConfig, optional
        With them the report also says what the change means for users and how it is rolled out.
    """
    context = {name: Given(text) for name, text in context.items()}
    users = consequences(of_the_winner(holdout, decision, config), config) if holdout else None
    reasons = " ".join(map(say, decision["reasons"][: story.MOST_REASONS]))
    head = [f"## {say(story.word_of(decision))}: {_plain(context['project'], 80)}"]
    head.append(f"**{say('Why')}.** {_plain(Given(reasons), 700)}")
    if users:
        heading = say(f"Of {users.of:,} {story.who(context)}")
        head.append(f"**{heading}.** {_plain(_about(users, decision), 500)}")
    head.append(f"**{say('What next')}.** {_plain(decision['next'])}")
    head.append(_lines(story.numbers(decision, config)))
    metric = _plain(context["business_metric"], 200)
    foot = f"{say(story.footing(decision))} {say('Business metric')}: {metric}."
    more = [_checks_text(decision)]
    tables = class_tables(holdout, story.labels_of_roles(decision)) if holdout else []
    more += [_table(each) for each in tables[:1]]
    if known := decision.get("features", {}).get("sentences"):
        more.append("\n".join(f"- {_plain(each, 300)}" for each in known))
    if config and (steps := plan(decision, config, users, story.who(context))):
        more.append(
            "\n".join(
                f"{n}. **{say(s.title)}.** {_plain(s.text, 280)}" for n, s in enumerate(steps, 1)
            )
        )
    more += _model_parts(decision)
    more += [_table(each) for each in group_tables(decision, story.labels_of_roles(decision))]
    if holdout and (box := data_table(decision)):
        more.append(_table(box))
    more += [_table(each) for each in tables[1:]]
    # What matters least goes first when names or reasons are long.
    while sum(len(part) + 2 for part in (*head, *more, foot)) > MOST_LETTERS and more:
        more.pop()
    return "\n\n".join(part for part in (*head, *more, foot) if part) + "\n"


def rewrite(predictions: Path, config: CompareConfig, out: Path, context: dict[str, str]) -> Path:
    """Write report.md and report.html beside the decision.json of `out`, which judged() reads."""
    decision, paired = judged(predictions, config, out)
    write_reports(out, decision, paired, context, config)
    return out / "report.html"


def judged(predictions: Path, config: CompareConfig, out: Path) -> tuple[Decision, Holdout]:
    """Return the decision of a folder, and the predictions that it is about.

    Raises
    ------
    MlopsError
        When there is no readable decision, or the predictions are others.
    """
    code, sentence = check(out / "decision.json")
    if code == BAD_INPUT:
        raise MlopsError(sentence)
    decision = read(out / "decision.json")
    paired = read_holdout(predictions, config)
    chosen = of_the_winner(paired, decision, config)
    systems = {"candidate": decision["candidate"], "incumbent": decision["incumbent"]}
    if paired.sha256 != decision["holdout_sha256"] or any(
        value_of(paired.metric, chosen, role) != system.get("value")
        for role, system in systems.items()
    ):
        raise MlopsError(
            f"{predictions.as_posix()} does not hold what decision.json is about: run "
            "`uv run mlops run` to decide about it."
        )
    return decision, paired


def write_reports(
    out: Path,
    decision: Decision,
    holdout: Holdout,
    context: dict[str, str],
    config: CompareConfig,
    latency_ms: dict[str, Any] | None = None,
) -> None:
    """Write report.md and report.html in `context["language"]`, or in English; as html_page()."""
    with speaking(context.get("language", ENGLISH)):
        write_text(out / "report.md", markdown(decision, context, holdout, config))
        page = html_page(decision, holdout, context, config, latency_ms)
        write_text(out / "report.html", page)


def _lines(rows: list[list[str]]) -> str:
    table = [f"| {' | '.join(_plain(cell, 60) for cell in row)} |" for row in rows]
    return "\n".join([table[0], f"|---|{'---:|' * (len(rows[0]) - 1)}", *table[1:]])


def _table(each: Titled) -> str:
    return f"**{_plain(each.heading)}.** {_plain(each.caption)}\n\n{_lines(each.rows)}"


def _checks_text(decision: Decision) -> str:
    found = list(story.entries_of(decision))
    open_ = [pair for pair in found if pair[1]["verdict"] in ("fail", "inconclusive")]
    lines = [
        f"- **{say(story.PILLS[each['verdict']])}**: {_plain(each['sentence'], 200)}"
        for section, each in sorted(open_, key=lambda pair: pair[1]["verdict"] != "fail")
        if section != "Primary metric"
    ][:WORST_CHECKS]
    passed = sum(each["verdict"] == "pass" for _, each in found)
    if len(found) > 1:
        skipped = sum(each["verdict"] == "skipped" for _, each in found)
        beside = f"; {skipped} {'is' if skipped == 1 else 'are'} skipped" if skipped else ""
        checks = counted(len(found), "check")
        lines.append(f"- {say(f'{passed} of {checks} pass{beside}.')}")
    return "\n".join(lines)


def _model_parts(decision: Decision) -> list[str]:
    """Say how the model was chosen, and what it looks at or why that is not shown."""
    search, table = decision.get("search"), weights_table(decision)
    found = [_plain(search["sentence"], 500)] if search else []
    if table:
        return [*found, _table(table)]
    return found + [_plain(each) for each in decision.get("importance", {}).get("sentences", [])]


def _about(users: Consequences, decision: Decision) -> str:
    right = f" Served right: {users.right}." if users.right else ""
    return story.for_users(users, decision) + right


def _plain(text: str, length: int = 1000) -> str:
    """Keep configuration text on its line and out of Markdown's and HTML's way."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", clip(say(text), length))
