"""Compare a candidate with what is in force, decide, and write the decision and its reports."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_kit.compare.decision_file import validated
from mlops_kit.compare.decision_schema import Decision, MadeOf
from mlops_kit.compare.gate import check
from mlops_kit.compare.holdout.background import Background
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import sha256_of, write_json

if TYPE_CHECKING:
    from mlops_kit.compare.checks.running_cost import Measured
    from mlops_kit.compare.config import CompareConfig
    from mlops_kit.compare.holdout.background import Background

__all__ = ["check", "run", "run_table"]

REPORT_FILES = ("decision.json", "report.md", "report.html")


def run(
    predictions: Path,
    config: "CompareConfig",
    out: Path,
    context: dict[str, str],
    digests: dict[str, str],
    measured_ops: "Measured | None" = None,
    ledger: Path | None = None,
    background: "Background | None" = None,
    made_of: MadeOf | None = None,
) -> Decision:
    """Decide on the table `predictions` and write decision.json, report.md and report.html.

    Parameters
    ----------
    predictions : Path
        The table of every system's predictions, long or wide, parquet or csv.
    config : CompareConfig
        What conf/compare.yaml says.
    out : Path
        Folder of the three files.
    context : dict
        `project` and `business_metric`, in words, for the reports; `language`, such as es.
    digests : dict
        System name -> digest of what made its predictions.
    measured_ops : Measured, optional
        What running the candidate costs, when budgets ask for it.
    ledger : Path, optional
        The file that remembers how often each holdout was used; without it nothing is spent.
    background : Background, optional
        What is known about the rows besides the table.
    made_of : dict, optional
        Digests of code and inputs.

    Raises
    ------
    MlopsError
        When the table cannot be compared. No earlier decision is left then: it was about other
        predictions, and the gate must not read it.
    """
    from mlops_kit.compare import decision
    from mlops_kit.compare.checks.sanity import same_predictions
    from mlops_kit.compare.holdout import holdout
    from mlops_kit.compare.holdout.ledger import look_at, record
    from mlops_kit.compare.report import markdown as report

    try:
        paired = holdout.read_holdout(predictions, config, background)
        look = look_at(ledger, paired, config)
        result = decision.decide(paired, config, digests, measured_ops, look)
        if made_of:
            result["made_of"] = made_of
    except MlopsError:
        for name in REPORT_FILES:
            (out / name).unlink(missing_ok=True)
        raise
    if not same_predictions(paired):
        record(ledger, paired, config, look)
    times = measured_ops.latency_ms if measured_ops else None
    report.write_reports(out, result, paired, context, config, times)
    # The gate's file comes last: it stands only beside reports that are complete.
    write_json(out / "decision.json", validated(result))
    return result


def context_of(data: Path) -> dict[str, str]:
    """Say in words what a table that belongs to no project is about."""
    return {"project": data.stem, "business_metric": "not named (a table outside a project)"}


def run_table(
    data: Path,
    config_file: Path,
    out: Path,
    horizon_days: int | None = None,
    as_of: date | None = None,
) -> Decision:
    """Compare on any table, outside a pipeline and outside a project.

    Parameters
    ----------
    data : Path
        Long (a column `system`) or wide (a column per system); csv or parquet.
    config_file : Path
        Says what conf/compare.yaml says.
    out : Path
        Folder of decision.json and the reports, and of holdouts.json, its own ledger.
    horizon_days : int, optional
        How old an outcome must be to be known.
    as_of : date, optional
        The day on which the outcomes were read; today when only the horizon is given.
    """
    from mlops_kit.compare.config import CompareConfig
    from mlops_kit.core.settings import read_config

    config = read_config(config_file, CompareConfig)
    if not data.is_file():
        raise MlopsError(f"{data.as_posix()} does not exist: give the table to compare.")
    digest = sha256_of(data)
    digests = dict.fromkeys(config.systems.values(), digest)
    until = as_of - timedelta(days=1) if as_of else None
    known = Background(horizon_days, until, f"read on {as_of}" if as_of else "")
    return run(
        data, config, out, context_of(data), digests,
        ledger=out / "holdouts.json", background=known, made_of={"predictions_sha256": digest},
    )  # fmt: skip
