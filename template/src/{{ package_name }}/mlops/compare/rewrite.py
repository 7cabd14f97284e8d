"""`mlops compare report`: write the reports of a decision again, without deciding again."""

import json
from pathlib import Path

from ..errors import BAD_INPUT, MlopsError
from ..files import write_text
from . import report
from .config import CompareConfig
from .gate import check
from .holdout import read_holdout


def rewrite(predictions: Path, config: CompareConfig, out: Path, context: dict[str, str]) -> Path:
    """Write report.md and report.html beside the decision.json of `out`; it stays as it is.

    Raises
    ------
    MlopsError
        When there is no readable decision, or the predictions are not those that it is about.
    """
    code, sentence = check(out / "decision.json")
    if code == BAD_INPUT:
        raise MlopsError(sentence)
    decision = json.loads((out / "decision.json").read_text(encoding="utf-8"))
    paired = read_holdout(predictions, config)
    if paired.sha256 != decision["holdout_sha256"]:
        raise MlopsError(
            f"{predictions.as_posix()} holds another holdout than decision.json is about: run "
            "`uv run mlops run` to decide about it."
        )
    write_text(out / "report.md", report.markdown(decision, context, paired, config))
    write_text(out / "report.html", report.html_page(decision, paired, context, config))
    return out / "report.html"
