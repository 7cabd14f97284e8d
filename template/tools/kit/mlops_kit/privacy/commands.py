"""Commands of the privacy room: `mlops privacy ...`."""

from typing import TYPE_CHECKING, Annotated

import typer

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import progress
from mlops_kit.core.words import acting
from mlops_kit.core.zones import OPEN_ZONE, RESTRICTED_ZONE
from mlops_kit.privacy.gate import commands as gate_commands
from mlops_kit.privacy.gate.logs import install, redacted
from mlops_kit.privacy.protect.anonymity import left_out as rows_left_out
from mlops_kit.privacy.protect.staging import finish
from mlops_kit.room import Draft, Finding, LeaveOut, OpenIds, Room, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops_kit.data.config import Sources


def start() -> None:
    """Before any command: nothing personal in logs, warnings and tracebacks."""
    install()


def redact(sentence: str) -> str:
    """Return an error's sentence without personal data."""
    return redacted(sentence)


def examine() -> "Iterator[Finding]":
    """What the doctor says about this room: its document, the key, and people who stand out."""
    from mlops_kit.data.config import load_sources
    from mlops_kit.privacy.protect.keys import privacy_key
    from mlops_kit.privacy.record.document import staleness

    sources = load_sources()
    try:
        privacy_key(sources)
    except MlopsError as error:
        mend = "keys and where each comes from: conf/privacy.yaml, above `key`"
        yield Finding("key", "problem", str(error), mend)
    if stale := staleness():
        yield Finding("privacy", "note", stale, "uv run mlops privacy document, then commit it")
    yield from _people(sources)


def _people(sources: "Sources") -> "Iterator[Finding]":
    """Say what waits for a decision, who finds names, and how many people stand alone."""
    from mlops_kit.privacy.detect.language_model import INSTALL, RULES_ALONE, installed, redacts
    from mlops_kit.privacy.policy.load import load_privacy, undecided
    from mlops_kit.privacy.protect.singling_out import of_open_tables

    policy = load_privacy(sources)
    if waiting := undecided(policy):
        wait = acting(len(waiting), "column", "wait")
        message = f"{wait} for a decision in conf/privacy.yaml: {waiting[0]}"
        yield Finding("privacy", "problem", message, "name an action for each; drop, when in doubt")
    if redacts(policy) and policy.defaults.names == "auto" and not installed():
        mend = f"{INSTALL}, or say in conf/privacy.yaml that it is meant: defaults.names: rules"
        message = f"names in texts that are redacted are found {RULES_ALONE}"
        yield Finding("privacy", "note", message, mend)
    for said, is_open in of_open_tables(sources, policy, OPEN_ZONE / "tables"):
        mend = "make these columns coarser, or set a rule under anonymity in conf/privacy.yaml"
        yield Finding("people", "note" if is_open else "ok", said, mend if is_open else "")


def inputs(sources: "Sources") -> dict[str, str]:
    """Name the key in use by its id, and who finds names in texts that are redacted.

    Another key must run the protect stage again, and so must another finder.
    """
    from mlops_kit.privacy.detect.language_model import finder, joins, redacts
    from mlops_kit.privacy.policy.load import load_privacy
    from mlops_kit.privacy.protect.keys import key_id, privacy_key

    policy = load_privacy(sources)
    found = {"privacy_key": key_id(privacy_key(sources, policy))}
    return found | ({"names": finder(joins(policy))} if redacts(policy) else {})


def settings() -> dict[str, "Callable[[], object]"]:
    """Configuration files of this room, and what reads each."""
    from mlops_kit.data.config import load_sources
    from mlops_kit.privacy.policy.load import PRIVACY_FILE, load_privacy

    return {PRIVACY_FILE.as_posix(): lambda: load_privacy(load_sources())}


def draft(sources: "Sources", folder: "Path", wanted: Wanted) -> Draft:
    """Propose conf/privacy.yaml for a table that was just described."""
    from mlops_kit.privacy.policy.propose import draft

    return draft(sources, folder, wanted)


def before_ingest(sources: "Sources") -> LeaveOut:
    """Give what leaves out who was erased, should a source deliver them again."""
    from mlops_kit.privacy.people.subjects import without_erased

    return without_erased(sources)


def clean_file(sources: "Sources", table: str, file: "Path") -> int:
    """Take people who were erased out of a file that a source delivered again."""
    from mlops_kit.privacy.people.erase import remove_erased

    return remove_erased(sources, table, file)


def open_ids(sources: "Sources") -> OpenIds | None:
    """Give what makes tokens of the entity's ids, as the protect stage does."""
    from mlops_kit.privacy.protect.ids import open_ids

    return open_ids(sources)


def clean_up() -> None:
    """Complete or clear away what a killed run left in the restricted zone."""

    finish()


def protect() -> None:
    """Stage: write the protected tables to the open zone.

    Exit codes: 0 written, 1 the gate is closed.
    """
    from mlops_kit.privacy.protect.stage import protect

    for line in protect().splitlines():
        progress("protect", line)


def key(
    following: Annotated[bool, typer.Option("--next", help="The key to rotate to.")] = False,
    second: Annotated[bool, typer.Option("--second", help="The key to look people up.")] = False,
) -> None:
    """Make the secret key that tokens are made with."""
    from mlops_kit.privacy.protect.keys import (
        KEY_FILE,
        NEXT_KEY_FILE,
        SECOND_KEY_FILE,
        create_key,
        key_id,
    )

    made = create_key(NEXT_KEY_FILE if following else SECOND_KEY_FILE if second else KEY_FILE)
    shared = "keep it apart from the first" if second else "share it with the team"
    identity = key_id(made.read_bytes().strip())
    print(f"wrote {made.as_posix()} (id {identity}); {shared}, never commit it")


def rotate() -> None:
    """Give the open zone the tokens of the next key."""
    from mlops_kit.privacy.people.rotate import rotate

    print("\n".join(rotate()))


def reidentify(
    code: Annotated[str, typer.Option(help="The token or encrypted value.")],
    who: Annotated[str, typer.Option(help="Who looks; goes to the log.")],
    why: Annotated[str, typer.Option(help="Why; goes to the log.")],
) -> None:
    """Write who is behind a code to the restricted zone, and log that it was done."""
    from mlops_kit.privacy.people.reidentify import reidentify

    print(f"written to {reidentify(code, who, why).as_posix()}; delete it when you have read it")


def erase(
    subject: Annotated[str, typer.Option(help="A token of the person.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list.")] = False,
    leave_shared: Annotated[
        bool, typer.Option("--leave-shared", help="Leave rows that may be somebody else's.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Remove a person from all current data, and list what remembers them.

    Exit codes: 0 erased, 1 nothing was, because rows or the token may be somebody else's.
    """
    import json

    from mlops_kit.privacy.people.erase import erase

    told = erase(subject, dry_run, leave_shared)
    if as_json:
        print(json.dumps(told, indent=2))
        return
    for place, rows in told["rows"].items():
        print(f"{'would go' if dry_run else 'removed':<9} {rows:>7,} rows  {place}")
    for heading in ("reached", "left"):
        for sentence in told[heading]:
            print(f"{heading:<9} {sentence}")
    for one in told["models"]:
        print(f"{'model':<9} {one['model']} {one['version']}: learned from them: {one['learned']}")
    for sentence in told["history"]:
        print(f"{'history':<9} {sentence}")
    print(f"{'next':<9} {told['next']}")


def left_out() -> dict[str, dict[str, int]]:
    """Say of tables how many rows were left out to hide people, and why."""
    from mlops_kit.privacy.protect.stage import REPORT

    return rows_left_out(REPORT)


ROOM = Room(
    raw_zone=RESTRICTED_ZONE,
    commands={
        "privacy check": gate_commands.check,
        "privacy propose": gate_commands.propose,
        "privacy document": gate_commands.document,
        "privacy protect": protect,
        "privacy key": key,
        "privacy rotate": rotate,
        "privacy reidentify": reidentify,
        "privacy erase": erase,
    },
    groups={"privacy": "What leaves the restricted zone, and in which form."},
    start=start,
    redact=redact,
    examine=examine,
    settings=settings,
    inputs=inputs,
    draft=draft,
    before_ingest=before_ingest,
    clean_file=clean_file,
    left_out=left_out,
    open_ids=open_ids,
    clean_up=clean_up,
)
