"""Commands of contracts: `mlops contract ...`."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_kit.core.files import progress


def export(
    version: Annotated[str, typer.Option(help="Version of the contract.")] = "1.0.0",
) -> None:
    """Print conf/sources.yaml as a contract of the Open Data Contract Standard 3."""
    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.config import load_sources
    from mlops_kit.data.contracts.odcs.export import exported, only_ours

    config = load_sources()
    print(exported(config, load_settings().project, version), end="")
    for line in only_ours(config):
        progress("contract", line)


def take(
    path: Annotated[Path, typer.Argument(help="A contract: YAML of the standard's version 3.")],
    source: Annotated[
        str | None, typer.Option(help="Source of its tables that conf/sources.yaml has not yet.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write what is shown.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Show what a contract of the Open Data Contract Standard 3 changes in conf/sources.yaml.

    What has no counterpart here is named. What the contract is silent about stays.
    """
    import json

    from mlops_kit.data.contracts.odcs.merge import imported

    found = imported(path, source, write)
    print(json.dumps(found._asdict(), indent=2, ensure_ascii=False) if as_json else found.shown())
