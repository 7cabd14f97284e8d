"""The page report.html: the decision, what it means, every figure, the numbers and the plan."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape

from mlops_kit.compare.config import CompareConfig
from mlops_kit.compare.decision_schema import Decision
from mlops_kit.compare.holdout.holdout import Holdout
from mlops_kit.compare.report import wording as story
from mlops_kit.compare.report.classes import class_tables
from mlops_kit.compare.report.data import data_table
from mlops_kit.compare.report.groups import group_tables
from mlops_kit.compare.report.language.say import Given, say, spoken
from mlops_kit.compare.report.model import about_model, weights_figures
from mlops_kit.compare.report.rollout import plan, score_map
from mlops_kit.compare.report.users import Consequences, consequences, of_the_winner

if TYPE_CHECKING:
    from jinja2 import Template

    from mlops_kit.compare.report.plots import Figure

# What nobody reads one by one: it shares a line.
QUIET = {
    ("Slice", "pass"): "without proven harm",
    ("Fairness", "pass"): "gaps without proven growth",
    ("Slice", "skipped"): "too few rows to judge",
}
WAYS = {
    "A": "From here to everybody",
    "B": "From here to switching the rules off",
    "C": "From here to retiring the present model",
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
    who = story.who(context)
    steps = plan(decision, config, users, who) if config else []
    return _template().render(
        {name: Given(" ".join(text.split())) for name, text in context.items()},
        word=story.word_of(decision),
        colour=decision["decision"],
        decision=decision,
        reasons=decision["reasons"][: story.MOST_REASONS],
        who=who,
        users=_users(users, decision, who, np.unique(holdout.groups).size < holdout.n_rows),
        checks=_checks(decision),
        pills=story.PILLS,
        figures=_figures(decision, holdout, config, latency_ms),
        classes=class_tables(holdout, story.labels_of_roles(decision)),
        known=decision.get("features", {}).get("sentences", []),
        groups=group_tables(decision, story.labels_of_roles(decision)),
        model=about_model(decision),
        data=data_table(decision),
        numbers=story.numbers(decision, config),
        footing=story.footing(decision),
        way=WAYS[decision["case"]],
        steps=steps,
        thresholds=_thresholds(holdout, config) if config and steps else [],
    )


def _template() -> "Template":
    return template_in(Path(__file__).parent)


@cache
def template_in(folder: Path) -> "Template":
    """Return the page.html of a folder; base.html and style.css of this folder are for all."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"sentence": _sentence}
    return environment.get_template("page.html", globals={"_": say, "spoken": spoken})


def _sentence(text: str) -> Markup:
    """Write a sentence of the decision: its commands as code, its percentages on one line."""
    held = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", escape(say(text)))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", held))


def _users(users: Consequences, decision: Decision, who: str, repeated: bool) -> dict[str, Any]:
    incumbent = story.INCUMBENT[decision["case"]]
    texts = {
        "both": "right with both",
        "gained": "right with the candidate only",
        "lost": f"right with the {incumbent} only",
        "neither": "right with neither",
    }
    if users.errors is not None and not users.right:
        texts = {"gained": "closer", "both": "the same", "lost": "less close"}
    note = f"Served right: {users.right}. " if users.right else ""
    note += f"Every prediction counts once, so some {who} count several times." * repeated
    return {
        "said": story.for_users(users, decision),
        "parts": [
            {"name": name, "amount": amount, "number": f"{users.told(amount):,}", "text": text}
            for name, text in texts.items()
            for amount in [getattr(users, name)]
        ],
        "of": f"{users.of:,}",
        "note": note.strip(),
    }


def _checks(decision: Decision) -> list[tuple[str, str, str]]:
    """List section, verdict and sentence of the checks, failures first; quiet ones share a line."""
    found, quiet = [], dict.fromkeys(QUIET, 0)
    rank = {"fail": 0, "inconclusive": 1, "pass": 2, "skipped": 3}
    for section, each in sorted(
        story.entries_of(decision), key=lambda pair: rank[pair[1]["verdict"]]
    ):
        if (section, each["verdict"]) in quiet:
            quiet[section, each["verdict"]] += 1
        else:
            found.append((section, each["verdict"], each["sentence"]))
    return found + [(*key, f"{QUIET[key]}: {number}.") for key, number in quiet.items() if number]


def _figures(
    decision: Decision,
    holdout: Holdout,
    config: CompareConfig | None,
    latency_ms: dict[str, Any] | None,
) -> "list[Figure]":
    from mlops_kit.compare.report import figures as diagnostics
    from mlops_kit.compare.report import plots
    from mlops_kit.compare.report.plots import Figure

    primary, labels = decision["primary"], story.labels_of_roles(decision)
    metric = primary["metric"]
    # The level to reach is no gain over the incumbent: it is marked among the values instead.
    drawn = [each for each in decision["guardrails"] if each["name"] not in story.LEVELS]
    green = "A bar that lies wholly in its green field passes."
    several = " Each row has its own scale." if drawn else ""
    found = [
        Figure(
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
        Figure(
            f"{metric} of each system",
            plots.values_figure(values, labels, story.digits_of(decision), threshold),
            f"{metric}: {story.meaning(holdout)}; {primary['direction']} is better.",
        )
    )
    slices = [
        each
        for each in decision["slices"]
        if each["estimate"] is not None and each.get("metric") == metric
    ]
    if slices:
        shown = min(len(slices), plots.MOST_SLICES)
        few = f" The {shown} worst of {len(slices)}." if shown < len(slices) else ""
        caption = f"Red is harm that is proven after Holm's correction for all slices.{few}"
        found.append(Figure(f"Gain in {metric} by slice", plots.slices_figure(slices), caption))
    at = config.data.threshold if config else None
    found += weights_figures(decision)
    found += diagnostics.figures(holdout, labels, at)
    times = latency_ms or holdout.latency_ms
    times = {role: np.asarray(times[role]) for role in diagnostics.PAIR if role in times}
    if times:
        budget = config.ops.p95_ms if config else None
        svg = plots.latency_figure(times, labels, budget)
        found.append(Figure("Speed", svg, "Further left is faster; the dotted line marks 95 %."))
    if primary["standard_error"] > 0:
        power = decision["inference"]["power"]
        seen = plots.smallest_visible(primary, power)
        svg = plots.power_figure(primary, power)
        caption = (
            f"A true gain of {seen:.3g} in {metric} is promoted with a chance of {100 * power:g} %."
        )
        found.append(Figure("What this holdout can see", svg, caption))
    return found


def _thresholds(holdout: Holdout, config: CompareConfig) -> list[list[str]]:
    """Tabulate new thresholds for old ones, where consumers have fixed theirs."""
    mapped = (
        score_map(holdout, config.data.threshold) if config.deprecation.fixed_thresholds else []
    )
    rows = [
        [f"{r.old:.4g}", _picked(r.old_picked), f"{r.new:.4g}", _picked(r.new_picked)]
        for r in mapped
    ]
    head = ["old threshold", "picks of 1,000", "new threshold", "picks of 1,000"]
    return [head, *rows] if rows else []


def _picked(per_thousand: float) -> str:
    """Say how many of a thousand are picked; few need a decimal."""
    return f"{per_thousand:.{1 if 0.05 <= per_thousand < 9.95 else 0}f}"
