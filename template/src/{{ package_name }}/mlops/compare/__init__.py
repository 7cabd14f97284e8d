"""Compare a candidate with what is in force, decide, and write the decision and its reports."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import MlopsError
from ..files import write_json, write_text
from .gate import check

if TYPE_CHECKING:
    from .config import CompareConfig

__all__ = ["check", "run"]


def run(
    predictions: Path,
    config: "CompareConfig",
    out: Path,
    context: dict[str, str],
    digests: dict[str, str],
) -> dict[str, Any]:
    """Decide on the long table `predictions` and write decision.json, report.md and report.html.

    Parameters
    ----------
    predictions : Path
        The long table of every system's predictions, parquet.
    config : CompareConfig
        What conf/compare.yaml says.
    out : Path
        Folder of the three files.
    context : dict
        `project` and `business_metric`, in words, for the reports.
    digests : dict
        System name -> digest of what made its predictions.

    Raises
    ------
    MlopsError
        When the table cannot be compared. No earlier decision is left then: it was about other
        predictions, and the gate must not read it.
    """
    from . import decision, holdout, report

    try:
        paired = holdout.read_holdout(predictions, config)
        result = decision.decide(paired, config, digests)
    except MlopsError:
        for name in ("decision.json", "report.md", "report.html"):
            (out / name).unlink(missing_ok=True)
        raise
    write_text(out / "report.md", report.markdown(result, context))
    write_text(out / "report.html", report.html_page(result, paired, context))
    # The gate's file comes last: it stands only beside reports that are complete.
    write_json(out / "decision.json", result)
    return result
