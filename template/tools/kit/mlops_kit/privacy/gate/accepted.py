"""conf/privacy-baseline.json: findings of the gate that somebody accepted, why, and until when."""

from pathlib import Path

from mlops_kit.core.gate import accepted
from mlops_kit.core.gate.accepted import Accepted, BaselineError, ended
from mlops_kit.privacy.detect.findings import Finding
from mlops_kit.privacy.detect.kinds.registry import KINDS
from mlops_kit.privacy.gate.scan import UNREADABLE

__all__ = ["Accepted", "BaselineError", "ended", "load_baseline", "not_accepted"]

BASELINE_FILE = Path("conf/privacy-baseline.json")


def load_baseline(file: Path = BASELINE_FILE) -> list[Accepted]:
    """Read the accepted findings; a project without the file has none.

    Raises
    ------
    BaselineError
        When the file is damaged, or an entry lacks its place, entity, count, reason or end.
    """
    return accepted.load_accepted(file, _known, optional=file == BASELINE_FILE)


def _known(entity: str) -> bool:
    return entity in KINDS or entity == UNREADABLE


def not_accepted(
    findings: list[Finding], known: list[Accepted], file: Path = BASELINE_FILE
) -> list[Finding]:
    """Return the findings that close the gate; of an ended allowance they say so."""
    return accepted.not_accepted(findings, known, file)
