"""`mlops demo`: the loop in one terminal."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mlops_kit.compare.commands import Json
from mlops_kit.core.errors import NEGATIVE


def demo(
    ending: Annotated[
        str, typer.Option(help="promoted: habits change; kept: a feed breaks.")
    ] = "promoted",
    folder: Annotated[Path, typer.Option(help="For the copy of this project and the page.")] = Path(
        "reports/demo"
    ),
    as_json: Json = False,
) -> None:
    """Show the loop on the sample shop: drift, alarm, retraining, decision, quiet again.

    Exit codes: 0 it went as told, 1 it did not.
    """
    from mlops_kit.operate.demo.demo import demo as tell

    result = tell(ending, folder)
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        for step in result["steps"]:
            print(f"{step['verb']:<12} {step['said']}")
        print(f"ending       {result['ending']}, after {result['seconds']:.0f} seconds")
        print(f"page         {result['page']}")
    if not result["expected"]:
        raise typer.Exit(NEGATIVE)
