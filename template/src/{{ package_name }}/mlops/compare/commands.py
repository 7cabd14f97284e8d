"""Commands of the compare room: `mlops compare ...`."""

from pathlib import Path
from typing import Annotated

import typer

from ..files import progress

compare = typer.Typer(help="Compare the candidate with what is in force.")
GROUPS = {"compare": compare}


@compare.command()
def run() -> None:
    """Stage: compare, decide, and write the reports."""
    from ..settings import load_settings
    from .stage import compare

    progress("compare", compare(load_settings()))


@compare.command()
def check(
    decision: Annotated[Path, typer.Argument(help="The decision to check.")] = Path(
        "reports/compare/decision.json"
    ),
) -> None:
    """The gate: exit 0 promote, 1 reject, 2 inconclusive."""
    from ..training import MODEL_CARD
    from . import check

    code, sentence = check(decision, MODEL_CARD)
    print(sentence)
    raise typer.Exit(code)
