"""Commands of the gate and of the obligations: check, propose, document."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from mlops_kit.core.errors import NEGATIVE, OK


def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files or folders.")] = None,
    staged: Annotated[bool, typer.Option("--staged", help="What git has staged.")] = False,
    baseline: Annotated[Path | None, typer.Option(help="Accepted findings.")] = None,
    sarif: Annotated[Path | None, typer.Option(help="Write SARIF to this file too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find personal data where there should be none; exit 1 if there is any."""
    from mlops_kit.core.files import write_text
    from mlops_kit.privacy.gate.check import check
    from mlops_kit.privacy.gate.report import as_json as report
    from mlops_kit.privacy.gate.report import as_sarif, json_text, sentence, summary

    outcome = check(paths or [], staged, baseline)
    if sarif is not None:
        write_text(sarif, json_text(as_sarif(outcome)))
    if as_json:
        print(json.dumps(report(outcome), indent=2, ensure_ascii=False))
    else:
        for finding in outcome.findings:
            print(sentence(finding), file=sys.stderr)
        print(summary(outcome))
    raise typer.Exit(NEGATIVE if outcome.findings else OK)


def propose() -> None:
    """Scan the restricted tables and write a first policy with the reasons as comments."""
    from mlops_kit.privacy.policy.propose import propose

    print(f"wrote {propose().as_posix()}; read it, correct it, then make it conf/privacy.yaml")


def document() -> None:
    """Write docs/privacy.md from the policy and the answers."""
    from mlops_kit.privacy.record.document import write_document

    print(f"wrote {write_document().as_posix()}")
