"""`mlops docs brief`: the verdict, what the model says about kinds of rows, and what it costs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.pipeline import REPORTS, context_of_project
from mlops_kit.compare.report import wording as story
from mlops_kit.compare.report.classes import Titled
from mlops_kit.compare.report.language.say import Given, say, speaking
from mlops_kit.compare.report.markdown import judged
from mlops_kit.compare.report.page import template_in
from mlops_kit.compare.report.plots import clip
from mlops_kit.compare.report.users import consequences, of_the_winner
from mlops_kit.core.files import read_yaml, write_text
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.words import counted
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.govern.costs.reckon import REPORT
from mlops_kit.govern.documents import PAGES
from mlops_kit.train.model_file import read_card
from mlops_kit.train.predictions import PREDICTIONS

if TYPE_CHECKING:
    import pandas

KINDS = 6  # lines of the table
FEATURES = 3  # that a kind is told by
PARTS = 4  # of a feature's values
FEWEST = 20  # rows of a kind: fewer could be somebody
KEYS = ("id", "time", "horizon", "fold")


def brief(settings: Settings, output: Path) -> None:
    """Write the page, in the language of the documents.

    Raises
    ------
    MlopsError
        When there is no decision about the predictions that lie here.
    """
    config = read_config(COMPARE_FILE, CompareConfig).with_classes(read_card().get("classes"))
    decision, holdout = judged(OPEN_ZONE / PREDICTIONS, config, REPORTS)
    context = context_of_project(settings)
    who = story.who(context)
    users = consequences(of_the_winner(holdout, decision, config), config)
    systems = [decision[role]["name"] for role in ("candidate", "incumbent")]
    with speaking(context["language"]):
        page = template_in(Path(__file__).parent).render(
            word=story.word_of(decision),
            colour=decision["decision"],
            project=Given(context["project"]),
            business_metric=Given(" ".join(context["business_metric"].split())),
            decision=decision,
            reasons=decision["reasons"][: story.MOST_REASONS],
            who=who,
            said=story.for_users(users, decision),
            of=f"{users.of:,}",
            kinds=_kinds(settings, _looked_at(decision), systems, who),
            costs=_costs(context["language"]),
            footing=story.footing(decision),
        )
        write_text(output, page)


def _looked_at(decision: Any) -> list[str]:
    weights = decision.get("importance", {}).get("weights", [])
    return [each["feature"] for each in weights[:FEATURES]]


def _kinds(settings: Settings, features: list[str], systems: list[str], who: str) -> Titled | None:
    """Tabulate kinds of the holdout's rows; None where nothing is known to tell them by."""
    import pandas as pd

    table = pd.read_parquet(OPEN_ZONE / PREDICTIONS)
    value = {"classification": "score", "regression": "prediction"}.get(settings.task)
    if not features or value not in table or not pd.api.types.is_numeric_dtype(table["y_true"]):
        return None
    keys = [name for name in KEYS if name in table]
    parts = [table[table["system"] == name] for name in systems]
    new, old = (part.set_index(keys)[value] for part in parts)
    features_of = pd.read_parquet(OPEN_ZONE / "features.parquet")
    if not new.index.is_unique or not {*keys, *features} <= {*features_of}:
        return None
    held = features_of.set_index(keys)
    rows = held.loc[new.index, features]
    kinds = pd.DataFrame({name: _parts(rows[name]) for name in features}, index=rows.index)
    told = kinds.assign(
        new=new, old=old.reindex(new.index), true=parts[0].set_index(keys)["y_true"]
    )
    means = told.groupby(features, observed=True).agg(
        n=("new", "size"), new=("new", "mean"), old=("old", "mean"), true=("true", "mean")
    )
    means = means[means["n"] >= FEWEST].sort_values("new", ascending=False, kind="stable")
    if means.empty:
        return None
    places = sorted({round(at * (len(means) - 1) / (KINDS - 1)) for at in range(KINDS)})
    chosen = means.iloc[places].reset_index()
    share = settings.task == "classification"
    lines = [["kind", "rows", "the candidate says", "in force", "what happened"]]
    for _, row in chosen.iterrows():
        amounts = (_said(row[name], share) for name in ("new", "old", "true"))
        kind = Given("; ".join(f"{name}: {say(row[name])}" for name in features))
        lines.append([kind, f"{row['n']:,}", *amounts])
    caption = (
        "Rows that nobody had learned from, alike in the features that the model needs most, from "
        "those it puts highest to those it puts lowest; each line is the mean of at least "
        f"{FEWEST} rows, so that it shows no one."
    )
    return Titled(f"What it says about kinds of {who}", lines, caption)


def _parts(values: "pandas.Series") -> "pandas.Series":
    """Say of each value in which part of all it lies: a range, a common text, or the others."""
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(values) or values.nunique() <= PARTS:
        common = values.value_counts()
        texts = values.astype(object).where(values.map(common) >= FEWEST, "others")
        known = texts.map(lambda value: Given(clip(f"{value}", 30)) if value != "others" else value)
        return known.where(values.notna(), "not known")
    edges = values.quantile([part / PARTS for part in range(1, PARTS)]).unique()
    place = pd.Series(edges.searchsorted(values, "left"), values.index)
    names = [f"up to {edges[0]:.2g}"]
    names += [f"from {low:.2g} to {high:.2g}" for low, high in zip(edges, edges[1:], strict=False)]
    names.append(f"more than {edges[-1]:.2g}")
    return place.map(dict(enumerate(names))).where(values.notna(), "not known")


def _said(value: float, share: bool) -> str:
    return f"{100 * value:.0f} %" if share else f"{value:,.4g}"


def _costs(language: str) -> Titled | None:
    """Tabulate what `mlops costs` reckoned; None where it did not."""
    if not REPORT.is_file():
        return None
    told = json.loads(REPORT.read_text(encoding="utf-8"))
    names = read_yaml(PAGES / (language if language == "es" else "en") / "words.yaml")["ways"]
    rows = [["way", "once", "a month"]]
    rows += [
        [Given(names[name]), f"{way['upfront']:,.0f}", f"{way['monthly']:,.2f}"]
        for name, way in told["ways"].items()
    ]
    caption = f"In {told['currency']}."
    if examples := len(told["examples"]):
        are = "is an example" if examples == 1 else "are examples"
        caption += f" {counted(examples, 'price')} {are}, not ours."
    return Titled("What it costs", rows, caption)
