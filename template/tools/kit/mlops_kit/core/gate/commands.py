"""The command `mlops secrets`, and what it shows."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mlops_kit.core.errors import NEGATIVE, OK
from mlops_kit.core.files import write_text
from mlops_kit.core.gate import secrets as searching
from mlops_kit.core.gate.sarif import code_quality, text_of

# What every search for findings is asked.
Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders.")]
Staged = Annotated[bool, typer.Option("--staged", help="What git has staged.")]
Baseline = Annotated[Path | None, typer.Option(help="Accepted findings.")]
Sarif = Annotated[Path | None, typer.Option(help="Write SARIF to this file too.")]
Quality = Annotated[
    Path | None, typer.Option("--code-quality", help="Write GitLab's report to this file too.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def secrets(
    paths: Paths = None,
    staged: Staged = False,
    baseline: Baseline = None,
    sarif: Sarif = None,
    quality: Quality = None,
    as_json: AsJson = False,
) -> None:
    """Find passwords, keys and tokens in what git has or would take, as it is now.

    Exit codes: 0 none, 1 there is one.
    """
    looked = searching.look(paths or [], staged, baseline)
    write_log(searching.as_sarif(looked), sarif, quality)
    if as_json:
        print(json.dumps(searching.as_json(looked), indent=2, ensure_ascii=False))
    else:
        show(looked)
    raise typer.Exit(NEGATIVE if looked.findings else OK)


def write_log(log: dict[str, Any], sarif: Path | None, quality: Path | None) -> None:
    """Write a log for code scanning, and for merge requests of GitLab, where it is asked for."""
    if sarif is not None:
        write_text(sarif, text_of(log))
    if quality is not None:
        write_text(quality, text_of(code_quality(log)))


def show(looked: searching.Looked) -> None:
    """Print the findings on stderr and the summary on stdout."""
    for one in looked.findings:
        print(searching.sentence(one), file=sys.stderr)
    print(searching.summary(looked))
    print("what was removed since stands in git's history, which is not read")
