"""The compare stage: the last run's predictions, judged as conf/compare.yaml says."""

from pathlib import Path

from ..files import sha256_of
from ..settings import OPEN_ZONE, Settings, read_config
from ..training import PREDICTIONS, read_card
from . import run
from .config import CompareConfig

COMPARE_FILE = Path("conf/compare.yaml")
REPORTS = Path("reports/compare")
BASELINE_CODE = Path(__file__).parents[2] / "baseline.py"


def compare(settings: Settings) -> str:
    """Write decision.json and the reports of the last run's predictions.

    Returns
    -------
    str
        One line with the decision and the effect.
    """
    config = read_config(COMPARE_FILE, CompareConfig)
    digests = {
        config.candidate: read_card()["sha256"],
        config.incumbent: sha256_of(BASELINE_CODE),
    }
    context = {"project": settings.project, "business_metric": settings.business_metric}
    decision = run(OPEN_ZONE / PREDICTIONS, config, REPORTS, context, digests)
    primary = decision["primary"]
    return (
        f"{decision['decision']}: {primary['metric']} better by {primary['estimate']:.4f} "
        f"[{primary['lower']:.4f}, {primary['upper']:.4f}]"
    )
