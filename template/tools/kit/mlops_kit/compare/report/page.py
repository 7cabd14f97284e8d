"""The page report.html: the decision, what it means, every figure, the numbers and the plan."""

import re
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.report import wording as story
from mlops_kit.compare.report.rollout import plan, score_map
from mlops_kit.compare.report.users import Consequences, consequences, of_the_winner

# What nobody reads one by one: it shares a line.
QUIET = {
    ("Slice", "pass"): "without proven harm",
    ("Fairness", "pass"): "gaps without proven growth",
    ("Slice", "skipped"): "too few rows to judge",
}


def html_page(
    decision: Decision,
    holdout: Holdout,
    context: dict[str, str],
    config: CompareConfig | None = None,
    latency_ms: dict[str, Any] | None = None,
) -> str:
    """Write report.html, which asks nothing of the network.

    Parameters
    ----------
    decision, holdout, context, config
        As in markdown(); without `config` the plan is left out.
    latency_ms : dict, optional
        Paired times by role when they were measured; those of the table otherwise.
    """
    holdout = of_the_winner(holdout, decision, config)
    users = consequences(holdout, config)
    reasons = [f"<p>{_sentence(each)}</p>" for each in decision["reasons"][: story.MOST_REASONS]]
    figures = _figures(decision, holdout, config, latency_ms)
    skeleton = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return Template(skeleton).substitute(
        {name: escape(" ".join(text.split())) for name, text in context.items()},
        word=story.word_of(decision),
        decision=decision["decision"],
        why="".join(reasons),
        next=_sentence(decision["next"]),
        users=_users(users, decision, np.unique(holdout.groups).size < holdout.n_rows),
        checks=_checks(decision),
        figures="\n".join(figures),
        # Alone in the last row of two columns it takes both.
        alone="" if len(figures) % 2 else "wide",
        numbers=_numbers(decision, config),
        plan=_plan(decision, holdout, config, users),
        sha256=escape(decision["holdout_sha256"]),
    )


def _sentence(text: str) -> str:
    """Write a sentence of the decision: its commands as code, its percentages on one line."""
    held = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", escape(text))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", held)


def _users(users: Consequences, decision: Decision, repeated: bool) -> str:
    incumbent = story.INCUMBENT[decision["case"]]
    names = {
        "both": "right with both",
        "gained": "right with the candidate only",
        "lost": f"right with the {incumbent} only",
        "neither": "right with neither",
    }
    if users.errors is not None and not users.right:
        names = {"gained": "closer", "both": "the same", "lost": "less close"}
    amounts = {part: getattr(users, part) for part in names}
    bars = "".join(
        f'<i class="{part}" style="flex-grow:{amount:.1f}"></i>'
        for part, amount in amounts.items()
        if amount > 0
    )
    legend = "".join(
        f'<li class="{part}"><b>{story.count(amounts[part])}</b> {escape(name)}</li>'
        for part, name in names.items()
    )
    said = escape(story.for_users(users, decision))
    note = f"Served right: {users.right}. " if users.right else ""
    note += "Every prediction counts once, so a user may count several times." if repeated else ""
    return (
        f'<p>{said}</p><div class="bar">{bars}</div><ul class="parts">{legend}</ul>'
        f'<p class="note">{escape(note)}</p>'
    )


def _checks(decision: Decision) -> str:
    """List the checks, failures first; slices and gaps that pass or are small share a line."""
    lines, quiet = [], dict.fromkeys(QUIET, 0)
    rank = {"fail": 0, "inconclusive": 1, "pass": 2, "skipped": 3}
    found = sorted(story.entries_of(decision), key=lambda pair: rank[pair[1]["verdict"]])
    for section, each in found:
        if (section, each["verdict"]) in quiet:
            quiet[section, each["verdict"]] += 1
        else:
            lines.append(_check(section, each["verdict"], each["sentence"]))
    for (section, verdict), number in quiet.items():
        if number:
            sentence = f"{QUIET[section, verdict]}: {number}."
            lines.append(_check(section, verdict, sentence))
    if len(lines) < 2:
        return ""
    return (
        f'<section class="wide"><h2>Checks</h2><ul class="checks">{"".join(lines)}</ul></section>'
    )


def _check(section: str, verdict: str, sentence: str) -> str:
    pill = f'<b class="pill {verdict}">{story.PILLS[verdict]}</b>'
    return f"<li>{pill}<span><b>{escape(section)}</b> {_sentence(sentence)}</span></li>"


def _figures(
    decision: Decision,
    holdout: Holdout,
    config: CompareConfig | None,
    latency_ms: dict[str, Any] | None,
) -> list[str]:
    from mlops_kit.compare.report import figures as diagnostics
    from mlops_kit.compare.report import plots

    primary, labels = decision["primary"], story.labels_of_roles(decision)
    metric = primary["metric"]
    # The level to reach is no gain over the incumbent: it is marked among the values instead.
    drawn = [each for each in decision["guardrails"] if each["name"] not in story.LEVELS]
    green = "A bar that lies wholly in its green field passes."
    several = " Each row has its own scale." if drawn else ""
    found = [
        _figure(
            "Gains and guardrails" if drawn else f"Gain in {metric}, with its interval",
            plots.effects_figure([primary, *drawn], story.digits_of(decision)),
            green + several,
        )
    ]
    systems = {
        "candidate": decision["candidate"],
        "incumbent": decision["incumbent"],
        "oracle": decision.get("oracle", {}),
    }
    values = {r: systems[r]["value"] for r in plots.COLOURS if "value" in systems.get(r, {})}
    threshold = config.primary.business_threshold if config else None
    found.append(
        _figure(
            f"{metric} of each system",
            plots.values_figure(values, labels, story.digits_of(decision), threshold),
            f"{metric}: {holdout.metric.meaning}; {primary['direction']} is better.",
        )
    )
    slices = [each for each in decision["slices"] if each["estimate"] is not None]
    if slices:
        shown = min(len(slices), plots.MOST_SLICES)
        few = f" The {shown} worst of {len(slices)}." if shown < len(slices) else ""
        caption = f"Red is harm that is proven after Holm's correction for all slices.{few}"
        found.append(_figure(f"Gain in {metric} by slice", plots.slices_figure(slices), caption))
    at = config.data.threshold if config else None
    classes = config.data.classes if config else None
    found += [_figure(*each) for each in diagnostics.figures(holdout, labels, at, classes)]
    times = latency_ms or holdout.latency_ms
    times = {role: np.asarray(times[role]) for role in diagnostics.PAIR if role in times}
    if times:
        budget = config.ops.p95_ms if config else None
        svg = plots.latency_figure(times, labels, budget)
        found.append(_figure("Speed", svg, "Further left is faster; the dotted line marks 95 %."))
    if primary["standard_error"] > 0:
        power = decision["inference"]["power"]
        seen = plots.smallest_visible(primary, power)
        svg = plots.power_figure(primary, power)
        caption = (
            f"A true gain of {seen:.3g} in {metric} is promoted with a chance of {100 * power:g} %."
        )
        found.append(_figure("What this holdout can see", svg, caption))
    return found


def _figure(heading: str, svg: str, caption: str) -> str:
    caption = f"<figcaption>{escape(caption)}</figcaption>"
    return f"<figure><h2>{escape(heading)}</h2>\n{svg}{caption}</figure>"


def _numbers(decision: Decision, config: CompareConfig | None) -> str:
    return _table(story.numbers(decision, config)) + (
        f'<p class="note">{escape(story.footing(decision))}</p>'
    )


def _table(rows: list[list[str]]) -> str:
    head, *body = [[escape(cell) for cell in row] for row in rows]
    lines = [f"<th>{row[0]}</th>" + "".join(f"<td>{c}</td>" for c in row[1:]) for row in body]
    header = "".join(f"<th>{cell}</th>" for cell in head)
    body_ = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{header}</tr></thead><tbody>{body_}</tbody></table>"


def _plan(
    decision: Decision,
    holdout: Holdout,
    config: CompareConfig | None,
    users: Consequences,
) -> str:
    steps = plan(decision, config, users) if config else []
    if not config or not steps:
        return ""
    items = "".join(f"<li><b>{escape(s.title)}.</b> {escape(s.text)}</li>" for s in steps)
    text = {
        "A": "From here to all users",
        "B": "From here to switching the rules off",
        "C": "From here to retiring the present model",
    }[config.case]
    found = f'<section class="wide"><h2>{text}</h2><ol>{items}</ol></section>'
    mapped = (
        score_map(holdout, config.data.threshold) if config.deprecation.fixed_thresholds else []
    )
    if mapped:
        rows = [["old threshold", "picks of 1,000", "new threshold", "picks of 1,000"]]
        rows += [
            [f"{r.old:.4g}", story.count(r.old_picked), f"{r.new:.4g}", story.count(r.new_picked)]
            for r in mapped
        ]
        found += (
            f'<section class="wide"><h2>New thresholds for old ones</h2>{_table(rows)}'
            '<p class="note">For consumers with a fixed threshold: the new one picks as many of '
            "the holdout's rows as the old one did.</p></section>"
        )
    return found
