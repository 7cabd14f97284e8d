"""Commands of the gate and of the obligations: check, propose, document."""

import json
import sys
from typing import Annotated

import typer

from mlops_kit.core.errors import NEGATIVE, OK
from mlops_kit.core.gate import secrets as searching
from mlops_kit.core.gate.commands import (
    AsJson,
    Baseline,
    Paths,
    Quality,
    Sarif,
    Staged,
    show,
    write_log,
)
from mlops_kit.privacy.gate.check import check as looked_at
from mlops_kit.privacy.gate.report import as_json as report
from mlops_kit.privacy.gate.report import as_sarif, sentence, summary


def check(
    paths: Paths = None,
    staged: Staged = False,
    baseline: Baseline = None,
    names: Annotated[
        bool, typer.Option("--names", help="Let the language model look for names in prose.")
    ] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Look for passwords, keys and tokens too.")
    ] = False,
    sarif: Sarif = None,
    quality: Quality = None,
    as_json: AsJson = False,
) -> None:
    """Find personal data where there should be none.

    With --secrets, what `mlops secrets` finds closes it as well.

    Exit codes: 0 none, 1 there is some, or a file cannot be read.
    """
    from mlops_kit.privacy.protect.singling_out import notes

    outcome = looked_at(paths or [], staged, baseline, names)
    looked = searching.look(paths or [], staged) if secrets else None
    log = as_sarif(outcome)
    log["runs"] += searching.as_sarif(looked)["runs"] if looked else []
    write_log(log, sarif, quality)
    if as_json:
        more = {"secrets": searching.as_json(looked)} if looked else {}
        print(json.dumps(report(outcome) | more, indent=2, ensure_ascii=False))
    else:
        for finding in outcome.findings:
            print(sentence(finding), file=sys.stderr)
        print(summary(outcome))
        adds = "" if names else "; --names adds a language model"
        print(f"names in prose are looked for {outcome.names}{adds}")
        if not paths and not staged:
            print("".join(f"note: {said}\n" for said in notes()), end="")
        if looked:
            show(looked)
    closed = outcome.findings or (looked and looked.findings)
    raise typer.Exit(NEGATIVE if closed else OK)


def propose() -> None:
    """Scan the declared tables and write a first policy with the reasons as comments."""
    from mlops_kit.privacy.policy.propose import propose

    print(f"wrote {propose().as_posix()}; read it, correct it, then make it conf/privacy.yaml")


def document() -> None:
    """Write docs/privacy.md from the policy and the answers."""
    from mlops_kit.privacy.record.document import write_document

    print(f"wrote {write_document().as_posix()}")
