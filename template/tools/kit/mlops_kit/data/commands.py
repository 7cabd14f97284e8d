"""Commands of the data room: `mlops data ...` and `mlops sources ...`."""

from pathlib import Path
from typing import Annotated

import typer

from mlops_kit.core.errors import INCONCLUSIVE, NEGATIVE, OK, MlopsError
from mlops_kit.core.files import progress
from mlops_kit.data.contracts.odcs.commands import export, take
from mlops_kit.data.lake.commands import catalog
from mlops_kit.data.storage.examined import examine
from mlops_kit.room import Room, raw_zone, rooms


def ingest(
    tables: Annotated[
        Path | None, typer.Option(help="Folder of the tables that keep their contract.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="Folder of the rows that break it.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Record today's raw files, by hash, and do no more.")
    ] = False,
    source: Annotated[str | None, typer.Option(help="Land the tables of this source only.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Land rows with this cursor or a higher one.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Land at most as many rows of a table, to try it.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Read whole again what has a cursor.")
    ] = False,
) -> None:
    """Land snapshots of tables from databases; with --tables: the pipeline's first stage.

    The stage reads files and snapshots, opens no connection, and sets broken rows aside.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.config import load_sources
    from mlops_kit.data.ingest import ingest, input_record
    from mlops_kit.data.landing.land import How, land
    from mlops_kit.data.storage.keeping import accept as record
    from mlops_kit.data.storage.raw import committed

    if accept:
        sources = load_sources()
        for line in record(load_settings(), sources, input_record(sources)["tables"]):
            print(line)
        committed()
        return
    if tables is not None and quarantine is not None:
        for line in ingest(load_settings(), tables, quarantine).splitlines():
            progress("data", line)
        return
    if tables is not None or quarantine is not None:
        raise MlopsError(
            "--tables and --quarantine go together: `uv run mlops run` gives them to this stage."
        )
    for line in land(load_settings(), load_sources(), source, How(since, limit, full)):
        print(line, flush=True)


def describe(
    path: Annotated[
        str,
        typer.Argument(help="A file or folder, or the address of a table."),
    ],
    target: Annotated[
        str | None,
        typer.Option(help="Column of the outcome, for a first features.py; COLUMN=VALUE is 1."),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option("--id", help="Column that identifies a row; several with commas: their code."),
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column that says when a row happened.")] = None,
    known: Annotated[
        str | None, typer.Option(help="Columns known before that time, with commas; or all.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Column whose rows stay together, as one person's; several, or none."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="What you know: option=value, or column.option=value."),
    ] = None,
    undecided: Annotated[
        str, typer.Option(help="Action of columns that wait for a decision: drop.")
    ] = "undecided",
    update: Annotated[bool, typer.Option("--update", help="Show the difference only.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Even over changed files, or with open questions.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read all of a file, folder or table, and write the configuration that reads it.

    Each guess has its evidence beside it. A table elsewhere is named by its address,
    `postgresql://user@host/database/table` or `s3://bucket/folder`, and is landed; so are pictures,
    PDF, audio and video, of which each file is a row.

    Exit codes: 0 written, 2 something may be read in two ways and waits for your answer.
    """
    import json

    from mlops_kit.data.describing import describe as described
    from mlops_kit.data.describing.asked import Asked

    asked = Asked(target, identity, time, known, undecided, group)
    found = described.describe(path, settings or [], asked)
    if update:
        print(described.difference(found), end="")
        return
    if not as_json:
        described.show(found)
    written = described.write(found, write)
    if as_json:
        print(json.dumps(found.record() | {"written_to": written}, indent=2, ensure_ascii=False))
    else:
        for file in written:
            print(f"wrote      {file}")
        if not written:
            print("nothing is written yet; with --write it is, and what is asked stays open")
        for line in found.said:
            print(f"next       {line}")
    raise typer.Exit(INCONCLUSIVE if found.made.asked() else OK)


def sample(
    names: Annotated[
        list[str] | None, typer.Argument(help="Samples of params.yaml; without any: all of them.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="Over params.yaml, for one: key=value.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON.")] = False,
    into: Annotated[
        str | None, typer.Option(help="Write the invented shop to this address, and draw nothing.")
    ] = None,
) -> None:
    """Draw rows of tables, the same on every machine, with each row's chance of being drawn.

    With --into, the invented shop is written into a database or bucket, to try a source against.
    """
    import json

    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.sampling.card import given, said, sampled

    if into is not None:
        from mlops_kit.data.landing.seeding import seed

        for line in seed(into):
            print(line)
        return
    cards = sampled(names or [], given(settings or [], names or []), load_settings())
    if as_json:
        print(json.dumps(list(cards), indent=2, ensure_ascii=False))
        return
    for card in cards:
        print("\n".join(said(card)))


def labels(
    names: Annotated[
        list[str] | None, typer.Argument(help="Labels of params.yaml; without any: all of them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Say how far people agree about labels, what they confuse, and how late labels come.

    Exit codes: 0 as good as `least` demands or nothing is, 1 worse, 2 the interval holds it.
    """
    import json

    from mlops_kit.data.labelling.labels import examined, said, verdict

    found = list(examined(names or []))
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for one in found:
            print("\n".join(said(one)))
    codes = {verdict(one) for one in found}
    raise typer.Exit(next((code for code in (NEGATIVE, INCONCLUSIVE) if code in codes), OK))


def push() -> None:
    """Send what the pipeline made to the remote of this environment."""
    from mlops_kit.data.remote import move

    print(move("push"))


def pull() -> None:
    """Fetch what the pipeline made elsewhere, as dvc.lock names it."""
    from mlops_kit.data.remote import move

    print(move("pull"))


def difference(
    since: Annotated[str, typer.Argument(help="A commit, branch or tag.")] = "HEAD",
) -> None:
    """Say which data, models and reports differ from those of a commit."""
    from mlops_kit.data.remote import difference

    print(difference(since))


def history() -> None:
    """List the commits that changed what the pipeline made."""
    from mlops_kit.data.remote import history

    print(history())


def test() -> None:
    """Read and check every source as the pipeline does, and keep nothing.

    A source that is landed is asked who may do what, what its tables hold and what its clock says;
    what was landed of it is checked like a file.

    Exit codes: 0 every row keeps its contract, 1 some do not, or something is not as it should be.
    """
    from mlops_kit.data.config import load_sources
    from mlops_kit.data.contracts.tried import tried
    from mlops_kit.data.landing.looked import look

    config = load_sources()
    leave_out = [room.before_ingest(config) for room in rooms()]
    scratch = raw_zone()
    bad = False
    landed = {}
    for source, one in look(config, landed):
        bad |= not one.well
        print(f"{source:<12} {'ok' if one.well else 'problem':<8} {one.what}: {one.said}")
    for one in tried(config, leave_out, scratch, landed):
        bad |= not one.well
        print("\n  ".join(one.said))
    raise typer.Exit(NEGATIVE if bad else OK)


ROOM = Room(
    examine=examine,
    commands={
        "data ingest": ingest,
        "data describe": describe,
        "data sample": sample,
        "data labels": labels,
        "data push": push,
        "data pull": pull,
        "data diff": difference,
        "data log": history,
        "data catalog": catalog,
        "sources test": test,
        "contract export": export,
        "contract import": take,
    },  # fmt: skip
    groups={
        "data": "Read, check and prepare data.",
        "sources": "The places where data comes from.",
        "contract": "Contracts of the Open Data Contract Standard.",
    },
)
