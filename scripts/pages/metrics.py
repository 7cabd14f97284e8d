"""metrics.md: the metrics that conf/compare.yaml may name, from their registry."""

import inspect

from mlops_kit.compare.metrics.registry import METRICS, Metric

from pages.markdown import table

HEAD = """# Metrics

What `primary` and `guardrails` of `conf/compare.yaml` may name ([settings.md](settings.md)).
`make reference` writes this page from `mlops_kit/compare/metrics/registry.py` and the functions
in it. A number stands for k: `ndcg_at_10`. A metric of your own: `docs/comparing-models.md` of a
rendered repository.
"""
TASKS = {
    "score": ("Classification", "Of labels, or of scores and probabilities."),
    "prediction": ("Regression", "Of numbers in the unit of the target."),
    "items": ("Recommendation", "Of the first k items of each row's list, best first."),
}


def page() -> str:
    """Return the page: a table for each kind of prediction."""
    found = [HEAD]
    for column, (task, about) in TASKS.items():
        rows = [
            (f"`{name}`", one.meaning, one.direction, one.unit, _formula(one))
            for name, one in METRICS.items()
            if one.column == column and not one.own
        ]
        head = ("metric", "says", "better is", "unit", "formula and source")
        found.append(f"## {task}\n\n{about}\n\n{table(head, rows)}")
    return "\n".join(found)


def _formula(metric: Metric) -> str:
    """Return the text of the metric's function, up to its parameters, and the keys it takes."""
    text = inspect.getdoc(metric.function) or ""
    takes = [
        f"`{key}`" + (" (required)" if key in metric.required else "")
        for key in metric.options
        if key != "threshold"
    ]
    return text.partition("\n\nParameters\n")[0] + (f" Takes {', '.join(takes)}." if takes else "")
