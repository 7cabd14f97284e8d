"""The registry's log of promotions: who may set the aliases, and what they are.

MLflow has neither transactions nor conditional writes, but it numbers the versions of a registered
model without gaps or repeats. So each promotion first appends its intent as a version of
`<model>.promotions`, a log that holds no models, and names the entry that it has seen as the last
one. Entries are read in their order; one that does not follow the last good entry has lost a race
and means nothing, to everybody. The aliases are then set from the last good entry, by whoever comes
along: the promoter, or after a `kill -9` the next `mlops promote`. The log is the one record of who
promoted what: it is ordered, shared by all who can promote, and outlives every working copy.

Before an entry its author marks the model itself with the entry's token. Whoever may not change the
model is refused there, before anything is written, and an entry of which the model knows nothing is
never carried out: the log alone gives nobody a right.

What is not guaranteed: an alias that a person sets by hand in between, and a promoter that is
halted between two alias writes, overtaken by a whole later promotion, and killed as it wakes up.
"""

import contextlib
import getpass
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

from mlops_kit.core.errors import MlopsError
from mlops_kit.operate.promote.registry import versions_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIASES = ("retired", "previous", "champion")
MARK = "promotion."
FINAL = ("UNAUTHENTICATED", "PERMISSION_DENIED", "ENDPOINT_NOT_FOUND")
LOG = "Written by `mlops promote`: one version for each promotion, none of them a model."


@dataclass(frozen=True)
class Move:
    """One entry of the log: the aliases that hold after it; empty text is no such alias."""

    number: int
    token: str
    after: int
    kind: str
    who: str
    applied: bool
    aliases: dict[str, str]
    tags: dict[str, str]


def aliases_of(client: "MlflowClient", name: str) -> dict[str, str]:
    aliases = client.get_registered_model(name).aliases
    return {alias: str(number) for alias, number in aliases.items()}


def moves_of(client: "MlflowClient", name: str) -> list[Move]:
    """Read the good entries of the log, oldest first."""
    moves: list[Move] = []
    for version in reversed(versions_of(client, _log(name))):
        tags = version.tags
        # An entry that does not follow the last good one lost a race: it never happened.
        if tags.get("after") != str(moves[-1].number if moves else 0):
            continue
        moves.append(
            Move(
                int(version.version),
                tags["token"],
                int(tags["after"]),
                tags["kind"],
                f"{tags['who']} at {tags['at']}",
                tags.get("applied") == "yes",
                {alias: tags[alias] for alias in ALIASES},
                dict(tags),
            )
        )
    return moves


def last_champion(moves: list[Move]) -> str:
    """Return the version that was in force last; empty text where the log knows of none."""
    before = ""
    for one in reversed(moves):
        if one.aliases["champion"]:
            return one.aliases["champion"]
        before = one.tags.get("from", "")  # a champion of before there was a log
    return before


def _log(name: str) -> str:
    return f"{name}.promotions"


def move(
    client: "MlflowClient",
    name: str,
    after: int,
    kind: str,
    aliases: dict[str, str],
    evidence: dict[str, str],
) -> None:
    """Append the intent, and carry it out if it is the first to follow entry `after`."""
    token = uuid4().hex
    tags = aliases | evidence | {"token": token, "after": str(after), "kind": kind}
    tags |= {"who": _who(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    source = f"models:/{name}/{aliases['champion'] or evidence['from']}"

    def append() -> None:
        client.set_registered_model_tag(name, MARK + token, kind)
        _make_log(client, name)
        # Nothing waits for an entry to become ready: it has no files.
        client.create_model_version(_log(name), source, tags=tags, await_creation_for=0)

    # Should an append arrive twice, the second does not follow the last good entry any more.
    _patiently(append)
    won = next(move for move in moves_of(client, name) if move.after == after)
    if won.token != token:
        raise MlopsError(
            f"The registry moved in between: {won.who} made version {won.aliases['champion']} of "
            f"{name} the champion ({won.kind}). Run `uv run mlops run` to compare with it."
        )
    settle(client, name)


def _make_log(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(_log(name), description=LOG)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _patiently(write: Callable[[], None]) -> None:
    """Write again when MLflow refuses: its writes collide when two processes make the same one."""
    from mlflow.exceptions import MlflowException

    for pause in (0.1, 0.2, 0.4, 0.8, None):
        try:
            return write()
        except MlflowException as error:
            # Who may not, or whom nobody hears, asks no second time.
            if pause is None or error.error_code in FINAL or "failed with exception" in str(error):
                raise
            time.sleep(pause * random.uniform(0.5, 1.5))


def _who() -> str:
    # In CI the machine's user is nobody; the one who started the workflow is somebody.
    with contextlib.suppress(OSError, KeyError, ImportError):
        for starter in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
            if name := os.environ.get(starter):
                return name
        return getpass.getuser()
    return "unknown"


def settle(client: "MlflowClient", name: str) -> bool:
    """Set the aliases as the last entry says, unless that was done; return whether it was not."""
    moves, wrote = moves_of(client, name), False
    while moves and (wrote or not moves[-1].applied):
        last = moves[-1]
        if MARK + last.token not in client.get_registered_model(name).tags:
            raise MlopsError(
                f"Entry {last.number} of {_log(name)} ({last.kind} by {last.who}) was begun by an "
                f"earlier release or by somebody who may not change {name}, so that it is not "
                f"carried out: delete that version of {_log(name)}, then run this again."
            )
        _patiently(partial(_apply, client, name, last))
        wrote = True
        # Whoever overtook this one may have been overwritten just now: the last entry decides.
        moves = moves_of(client, name)
        if moves[-1].number == last.number:
            done = partial(client.set_model_version_tag, _log(name), str(last.number))
            _patiently(partial(done, "applied", "yes"))
            break
    return wrote


def _apply(client: "MlflowClient", name: str, move: Move) -> None:
    # The champion comes last: until then, previous is the champion too.
    for alias in ALIASES:
        wanted, present = move.aliases[alias], aliases_of(client, name).get(alias, "")
        if wanted and wanted != present:
            client.set_registered_model_alias(name, alias, wanted)
        elif present and not wanted:
            client.delete_registered_model_alias(name, alias)
    champion = move.aliases["champion"]
    if champion and aliases_of(client, name).get("challenger") == champion:
        client.delete_registered_model_alias(name, "challenger")
