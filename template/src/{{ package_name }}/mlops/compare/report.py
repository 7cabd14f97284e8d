"""Say the decision to people: report.md for a pull request, report.html for everybody."""

import html
import math
import re
from pathlib import Path
from string import Template
from typing import Any

from .holdout import Holdout
from .metrics import metric_named

WORDS = {
    "A": {"promote": "GO", "reject": "NO-GO", "inconclusive": "MORE DATA"},
    "B": {"promote": "PROMOTE", "reject": "REJECT", "inconclusive": "INCONCLUSIVE"},
    "C": {"promote": "PROMOTE", "reject": "REJECT", "inconclusive": "INCONCLUSIVE"},
}
INCUMBENT = {"A": "simple baseline", "B": "rules in force", "C": "model in force"}
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
# Nobody waits for this many times the present rows.
FAR = 20
LEAK = (
    "Look for a feature that knows the future: every fact must be older than the prediction. If "
    "you changed the outcome on purpose, take oracle out of conf/compare.yaml."
)


def markdown(decision: dict[str, Any], context: dict[str, str]) -> str:
    """Write report.md; `decision` as decide() returns it, `context` as run() takes it."""
    facts = _facts(decision)
    rows = "\n".join(
        f"| {' | '.join(_plain(cell) for cell in row)} |" for row in _table(decision)
    ).split("\n", 1)
    return (
        f"## {facts['word']}: {_plain(context['project'])}\n\n"
        f"**Why.** {_plain(facts['why'])}\n\n**What next.** {_plain(facts['next'])}\n\n"
        f"{rows[0]}\n|---|---:|\n{rows[1]}\n\n"
        f"{_plain(facts['footing'])} Business metric: {_plain(context['business_metric'])}.\n"
    )


def html_page(decision: dict[str, Any], holdout: Holdout, context: dict[str, str]) -> str:
    """Write report.html, which asks nothing of the network; parameters as in markdown()."""
    from . import plots

    facts, labels = _facts(decision), _labels(decision)
    values = {
        r: decision[r]["value"] for r in ("incumbent", "candidate", "oracle") if r in decision
    }
    diagnostic, caption = plots.diagnostic_figure(holdout, labels)
    rows = [[html.escape(cell) for cell in row] for row in _table(decision)]
    text = facts | context | {"caption": caption, "sha256": decision["holdout_sha256"]}
    text["metric"] = decision["primary"]["metric"]
    skeleton = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    return Template(skeleton).substitute(
        {name: html.escape(value) for name, value in text.items()},
        decision=decision["decision"],
        head="".join(f"<th>{cell}</th>" for cell in rows[0]),
        rows="".join(f"<tr><th>{a}</th><td>{b}</td></tr>" for a, b in rows[1:]),
        effect=plots.effect_figure(decision["primary"]),
        values=plots.values_figure(values, labels, _digits(decision)),
        diagnostic=diagnostic,
    )


def _facts(decision: dict[str, Any]) -> dict[str, str]:
    primary, case, verdict = decision["primary"], decision["case"], decision["decision"]
    units = "" if primary["design"] == "iid" else f" of {primary['n_groups']:,} groups"
    facts = {
        "word": WORDS[case][verdict],
        "why": " ".join(decision["reasons"]),
        "next": NEXT.get((case, verdict), ""),
        "meaning": metric_named(primary["metric"]).meaning,
        "better": f"{primary['direction']} is better",
        "footing": f"Paired on {primary['n_rows']:,} rows{units} ({primary['design']}).",
    }
    if decision.get("oracle", {}).get("exceeded"):
        facts["next"] = LEAK
    elif verdict == "inconclusive":
        rows = primary.get("rows_needed", math.inf)
        facts["next"] = (
            f"Collect about {rows:,} rows in all: if the difference is what it looks like, they "
            "decide with a chance of 80 %."
            if rows <= FAR * primary["n_rows"]
            else "The two are practically equal: build a stronger candidate, or decide by cost."
        )
    elif facts["why"].startswith("No change"):
        facts["next"] = "Nothing to deploy: change the model first, or check which one was trained."
    return facts


def _labels(decision: dict[str, Any]) -> dict[str, str]:
    incumbent = INCUMBENT[decision["case"]]
    return {"candidate": "candidate", "incumbent": incumbent, "oracle": "best possible"}


def _table(decision: dict[str, Any]) -> list[list[str]]:
    primary, digits, labels = decision["primary"], _digits(decision), _labels(decision)
    table = [["", f"{primary['metric']} ({primary['direction']} is better)"]]
    for role in ("candidate", "incumbent"):
        name, label = decision[role]["name"], labels[role]
        label = label if name == label else f"{label} ({name})"
        table.append([label, f"{decision[role]['value']:.{digits}f}"])
    table.append(["gain", f"{primary['estimate']:+.{digits}f}"])
    interval = f"{primary['lower']:+.{digits}f} to {primary['upper']:+.{digits}f}"
    table.append([f"its {100 * (1 - 2 * primary['alpha']):g} % interval", interval])
    table.append(["smallest useful gain", f"{primary['min_effect']:g}"])
    if oracle := decision.get("oracle"):
        table.append([labels["oracle"], f"{oracle['value']:.{digits}f}"])
        if (share := oracle["share_of_gap_closed"]) is not None:
            table.append(["share of the possible gain", f"{100 * share:.0f} %"])
    return table


def _digits(decision: dict[str, Any]) -> int:
    """Decimals that show two digits of the standard error: more would be noise."""
    error = decision["primary"]["standard_error"]
    return min(6, max(0, 1 - math.floor(math.log10(error)))) if error > 0 else 4


def _plain(text: str) -> str:
    """Keep configuration text on its line and out of Markdown's and HTML's way."""
    return re.sub(r"([\\`*_\[\]<>|#~])", r"\\\1", " ".join(text.split()))
