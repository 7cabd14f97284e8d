"""The compare stage: the last run's predictions, judged as conf/compare.yaml says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops_kit.compare.checks.running_cost import Measured, measure_pair, peak_memory_mb
from mlops_kit.compare.config import COMPARE_FILE, CompareConfig
from mlops_kit.compare.decision_schema import MadeOf
from mlops_kit.compare.explain.importance import importance, why_not
from mlops_kit.compare.explain.record import Importance
from mlops_kit.compare.holdout.background import background_of
from mlops_kit.compare.holdout.ledger import LEDGER_FILE
from mlops_kit.compare.report.wording import gained
from mlops_kit.compare.stage import run
from mlops_kit.compare.systems.adapters import predict_with
from mlops_kit.core import team
from mlops_kit.core.provenance import documents_language, judged_of
from mlops_kit.core.settings import Settings, read_config
from mlops_kit.core.zones import OPEN_ZONE
from mlops_kit.data.config import load_sources
from mlops_kit.data.reading import what_was_read
from mlops_kit.room import rooms
from mlops_kit.train.features import load_params
from mlops_kit.train.model_file import MODEL_FILE, load_model, read_card
from mlops_kit.train.predictions import PREDICTIONS, predict
from mlops_kit.train.splits.fits import LEARNED_UNTIL, fits_of, later, outcomes_of

REPORTS = Path("reports/compare")
MEMORY_ROWS = 1000


def compare(settings: Settings) -> str:
    """Write decision.json and the reports of the last run's predictions.

    Returns
    -------
    str
        One line with the decision and the effect.
    """
    config = read_config(COMPARE_FILE, CompareConfig)
    # As the train stage noted them: what is in force may have changed since.
    card = read_card()
    config = config.with_classes(card.get("classes"))
    digests = card["systems"]
    context = context_of_project(settings)
    known = replace(background_of(card, _read()), importance=look_at_model(settings, config))
    measured = measure_ops(settings, config)
    predictions = OPEN_ZONE / PREDICTIONS
    decision = run(
        predictions, config, REPORTS, context, digests, measured, LEDGER_FILE, known,
        MadeOf(**judged_of()),
    )  # fmt: skip
    primary = decision["primary"]
    seen = gained(primary["estimate"], primary["lower"], primary["upper"])
    vouched = ", ".join(each["name"] for each in decision["safety"] if "acknowledged" in each)
    said = f"; somebody vouches for: {vouched}" if vouched else ""
    return f"{decision['decision']}: {primary['metric']} {seen}{said}"


def _read() -> dict[str, Any]:
    """Return what was read of each table, and what rooms left out of it since."""
    tables = what_was_read()
    for room in rooms():
        for name, why in room.left_out().items():
            if name in tables:
                tables[name]["left_out"] = dict(why)
    return tables


def look_at_model(settings: Settings, config: CompareConfig) -> Importance:
    """Tell what the model that was trained looks at, by the holdout's rows."""
    import pandas as pd

    if settings.task == "recommendation":
        return why_not("lists of items are ranked by all features together, and have no one loss")
    card = read_card()
    held = [("split", "==", "holdout")]
    # Of several models the last one is stored; its own window is what it has not seen.
    until = card["training"].get(LEARNED_UNTIL)
    rows = later(pd.read_parquet(OPEN_ZONE / "features.parquet", filters=held), until)
    try:
        model = load_model()
    except Exception as error:
        # As a model that fails to answer: what is told beside a decision never stops it.
        return why_not(str(team.failure(MODEL_FILE.as_posix(), error)).rstrip("."))
    return importance(model, rows, card["features"], settings.task, config)


def context_of_project(settings: Settings) -> dict[str, str]:
    """Return what the reports say besides the decision: project, business_metric, who, language."""
    # A table of customers holds customers; one called titanic holds rows.
    table = load_sources().entity.table
    name = table.replace("_", " ")
    return {
        "language": documents_language(),
        "project": settings.project,
        "business_metric": settings.business_metric,
        "who": name if name.endswith(("s", "people")) else f"rows of {name}",
    }


def measure_ops(settings: Settings, config: CompareConfig) -> Measured | None:
    """Measure what the budgets of `config.ops` ask for, on holdout rows; None when none does.

    Batches are the same for both systems. An incumbent that is no Python function here has no
    latency of its own: its logged decisions may carry a column latency_ms.
    """
    budgets = config.ops.budgets
    if not budgets:
        return None
    size = MODEL_FILE.stat().st_size / 1e6 if "size_mb" in budgets else None
    if not set(budgets) - {"size_mb"}:
        return Measured(size_mb=size)
    import numpy as np
    import pandas as pd

    card = read_card()
    features, classes = card["features"], card.get("classes")
    table = pd.read_parquet(OPEN_ZONE / "features.parquet")
    rows = table[table["split"] == "holdout"].reset_index(drop=True)
    memory = None
    if "memory_mb" in budgets:
        some = rows.head(MEMORY_ROWS)[features]
        memory = peak_memory_mb(lambda: predict(load_model(), some, settings.task, classes))
    if not {"p95_ms", "slowdown", "cost_per_thousand"} & set(budgets):
        return Measured(size_mb=size, memory_mb=memory)
    random = np.random.default_rng(config.inference.seed)
    drawn = random.integers(0, len(rows), (config.ops.rounds, config.ops.batch_rows))
    model, incumbent = load_model(), _incumbent(settings, config, table, classes)
    times = measure_pair(
        lambda batch: predict(model, batch[features], settings.task, classes),
        incumbent,
        [rows.iloc[places].reset_index(drop=True) for places in drawn],
    )
    return Measured(times, config.ops.batch_rows, size, memory)


def _incumbent(settings: Settings, config: CompareConfig, table: Any, classes: Any) -> Any:
    """Return a function of a batch that runs the incumbent, or None when it does not run here."""
    spec = config.incumbent
    if spec.kind not in ("table", "rules"):
        return None
    train = fits_of(table)[-1].train
    params = {"seed": load_params().seed, "classes": classes, "known": outcomes_of(table)}
    return lambda batch: predict_with(spec, train, batch, settings.task, params)
