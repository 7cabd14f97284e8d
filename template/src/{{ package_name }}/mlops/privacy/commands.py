"""Commands of the privacy room: `mlops privacy ...`."""

from typing import TYPE_CHECKING

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


def inputs(sources: "Sources") -> dict[str, str]:
    """Name the key in use by its id: another key must run the protect stage again."""
    from .keys import key_id, privacy_key

    return {"privacy_key": key_id(privacy_key(sources))}


def settings() -> dict[str, "Callable[[], object]"]:
    """Configuration files of this room, and what reads each."""
    from ..data.sources import load_sources
    from .policy import PRIVACY_FILE, load_privacy

    return {PRIVACY_FILE.as_posix(): lambda: load_privacy(load_sources())}


def clear_up() -> None:
    """Complete or clear away what a killed run left in the restricted zone."""
    from .workplace import finish

    finish()


@privacy.command()
def protect() -> None:
    """Stage: write the protected tables to the open zone."""
    from .protect import protect

    progress("protect", protect())


@privacy.command()
def key() -> None:
    """Make the secret key that tokens are made with."""
    from .keys import create_key

    print(f"wrote {create_key().as_posix()}; share it with the team, never commit it")
