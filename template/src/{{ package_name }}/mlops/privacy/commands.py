"""Commands of the privacy room: `mlops privacy ...`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..files import progress
from . import gate_commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..data.sources import Sources

privacy = typer.Typer(help="What leaves the restricted zone, and in which form.")
GROUPS = {"privacy": privacy}
privacy.command()(gate_commands.check)
privacy.command()(gate_commands.propose)
privacy.command()(gate_commands.document)


def start() -> None:
    """Before any command: nothing personal in logs, warnings and tracebacks."""
    from .log_filter import install

    install()


def redacted(sentence: str) -> str:
    """Return an error's sentence without personal data."""
    from .log_filter import redacted

    return redacted(sentence)


def examine() -> "Iterator[tuple[str, str, str, str]]":
    """What the doctor says about this room: name, status, message, and how to mend it."""
    from .document import staleness

    if stale := staleness():
        yield "privacy", "note", stale, "uv run mlops privacy document, then commit it"
    yield from _people()


def _people() -> "Iterator[tuple[str, str, str, str]]":
    """Say what waits for a decision, who finds names, and how many people stand alone."""
    from ..data.sources import load_sources
    from ..settings import OPEN_ZONE
    from .names import INSTALL, RULES_ALONE, installed, redacts
    from .policy import load_privacy, undecided
    from .singling_out import of_open_tables

    sources = load_sources()
    policy = load_privacy(sources)
    if waiting := undecided(policy):
        message = f"{len(waiting)} columns of conf/privacy.yaml wait for a decision: {waiting[0]}"
        yield "privacy", "problem", message, "name an action for each; drop, when in doubt"
    if redacts(policy) and policy.defaults.names == "auto" and not installed():
        mend = f"{INSTALL}, or say in conf/privacy.yaml that it is meant: defaults.names: rules"
        yield "privacy", "note", f"names in texts that are redacted are found {RULES_ALONE}", mend
    for said, is_open in of_open_tables(sources, policy, OPEN_ZONE / "tables"):
        mend = "make these columns coarser, or set a rule under anonymity in conf/privacy.yaml"
        yield "people", "note" if is_open else "ok", said, mend if is_open else ""


def inputs(sources: "Sources") -> dict[str, str]:
    """Name the key in use by its id, and who finds names in texts that are redacted.

    Another key must run the protect stage again, and so must another finder.
    """
    from .keys import key_id, privacy_key
    from .names import finder, joins, redacts
    from .policy import load_privacy

    policy = load_privacy(sources)
    found = {"privacy_key": key_id(privacy_key(sources, policy))}
    return found | ({"names": finder(joins(policy))} if redacts(policy) else {})


def settings() -> dict[str, "Callable[[], object]"]:
    """Configuration files of this room, and what reads each."""
    from ..data.sources import load_sources
    from .policy import PRIVACY_FILE, load_privacy

    return {PRIVACY_FILE.as_posix(): lambda: load_privacy(load_sources())}


def without_erased(tables: Any, sources: "Sources") -> Any:
    """Leave out who was erased, should a source deliver them again; the data stage asks."""
    from .subjects import without_erased

    return without_erased(tables, sources)


def clear_up() -> None:
    """Complete or clear away what a killed run left in the restricted zone."""
    from .workplace import finish

    finish()


@privacy.command()
def protect() -> None:
    """Stage: write the protected tables to the open zone."""
    from .protect import protect

    for line in protect().splitlines():
        progress("protect", line)


@privacy.command()
def key(
    following: Annotated[bool, typer.Option("--next", help="The key to rotate to.")] = False,
    second: Annotated[bool, typer.Option("--second", help="The key to look people up.")] = False,
) -> None:
    """Make the secret key that tokens are made with."""
    from .keys import KEY_FILE, NEXT_KEY_FILE, SECOND_KEY_FILE, create_key, key_id

    made = create_key(NEXT_KEY_FILE if following else SECOND_KEY_FILE if second else KEY_FILE)
    shared = "keep it apart from the first" if second else "share it with the team"
    identity = key_id(made.read_bytes().strip())
    print(f"wrote {made.as_posix()} (id {identity}); {shared}, never commit it")


@privacy.command()
def rotate() -> None:
    """Give the open zone the tokens of the next key."""
    from .rotate import rotate

    print("\n".join(rotate()))


@privacy.command()
def reidentify(
    code: Annotated[str, typer.Option(help="The token or encrypted value.")],
    who: Annotated[str, typer.Option(help="Who looks; goes to the log.")],
    why: Annotated[str, typer.Option(help="Why; goes to the log.")],
) -> None:
    """Write who is behind a code to the restricted zone, and log that it was done."""
    from .reidentify import reidentify

    print(f"written to {reidentify(code, who, why).as_posix()}; delete it when you have read it")


@privacy.command()
def erase(
    subject: Annotated[str, typer.Option(help="A token of the person.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list.")] = False,
    leave_shared: Annotated[
        bool, typer.Option("--leave-shared", help="Leave rows that may be somebody else's.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Remove a person from all current data, and list what remembers them."""
    import json

    from .erase import erase

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
