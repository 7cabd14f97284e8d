"""Commands of the data room: `mlops data ...` and `mlops sources ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_kit.core.errors import INCONCLUSIVE, NEGATIVE, OK, MlopsError
from mlops_kit.core.files import progress
from mlops_kit.room import Finding, Room, raw_zone, rooms

if TYPE_CHECKING:
    from collections.abc import Iterator


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
) -> None:
    """Stage: read the sources, set broken rows aside."""
    from mlops_kit.core.provenance import raw_list
    from mlops_kit.core.settings import environment, load_settings
    from mlops_kit.data.config import load_sources
    from mlops_kit.data.ingest import ingest, input_record
    from mlops_kit.data.storage.keeping import accept as record

    if accept:
        sources = load_sources()
        for line in record(load_settings(), sources, input_record(sources)["tables"]):
            print(line)
        if (written := raw_list(environment())).is_file():
            print(f"next       git add {written.as_posix()} && git commit: hashes, no data")
        return
    if tables is None or quarantine is None:
        raise MlopsError(
            "Without --tables and --quarantine there is nothing to write to; it is a stage of the "
            "pipeline: `uv run mlops run` gives it its options. --accept records the raw files."
        )
    for line in ingest(load_settings(), tables, quarantine).splitlines():
        progress("data", line)


def describe(
    path: Annotated[Path, typer.Argument(help="A file, or a folder of files of one table.")],
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
    """Read all of a file or folder, and write the configuration that reads it, with the evidence.

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
) -> None:
    """Draw rows of tables, the same on every machine, with each row's chance of being drawn."""
    import json

    from mlops_kit.core.settings import load_settings
    from mlops_kit.data.sampling.card import given, said, sampled

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

    Exit codes: 0 every row keeps its contract, 1 some do not.
    """
    from mlops_kit.data.config import load_sources
    from mlops_kit.data.reading import store

    config = load_sources()
    leave_out = [room.before_ingest(config) for room in rooms()]
    scratch = raw_zone()
    broken_rows = 0
    for name in config.tables:
        reading = store(config, name, leave_out, scratch)
        broken_rows += reading.broken
        print(f"{name:<12} {reading.good:,} good, {reading.broken:,} broken")
        for line in reading.said():
            print(f"  {line}")
    raise typer.Exit(NEGATIVE if broken_rows else OK)


def examine() -> "Iterator[Finding]":
    """Look at the files of each table, and, of an environment that is named, at where data is kept.

    Nothing is read of the files.
    """
    import os

    if "MLOPS_ENV" in os.environ:
        yield from _places()
    yield from _files()


def _places() -> "Iterator[Finding]":
    """Whether the remote and the place of raw files are this environment's and can be written."""
    from mlops_kit.core.settings import environment, load_settings
    from mlops_kit.data.storage import apart, stores
    from mlops_kit.data.storage.keeping import place_of

    again = f"then: MLOPS_ENV={environment()} uv run mlops doctor"
    try:
        settings = load_settings()
        address = str(stores.configured().get(settings.dvc_remote, {}).get("url", ""))
    except MlopsError:  # told among the settings
        return
    if address and not stores.STAND_IN.search(address):  # told by the doctor itself
        try:
            store = stores.remote(settings, environment())
            apart.check_remote(settings, store)
            stores.probe(store)
        except MlopsError as error:
            yield Finding("remote", "problem", str(error), again)
        else:
            yield Finding("remote", "ok", f'"{settings.dvc_remote}" can be written')
    try:
        if kept := place_of(settings):
            stores.probe(kept)
            yield Finding("raw files", "ok", f"{kept.shown} can be written")
    except MlopsError as error:
        yield Finding("raw files", "problem", str(error), again)


def _files() -> "Iterator[Finding]":
    from mlops_kit.core.settings import environment, load_settings
    from mlops_kit.data.config import Files, load_sources
    from mlops_kit.data.sources.files import find
    from mlops_kit.data.storage.raw import listed

    try:
        known, settings = listed(environment()), load_settings()
        config = load_sources()
    except MlopsError:  # told among the settings
        return
    unlisted = False
    for name, table in config.tables.items():
        source = config.sources[table.source]
        if not isinstance(source, Files):
            continue
        try:
            found = find(source, name, table).files
        except MlopsError as error:
            if known and settings.restricted:
                message = f"{name}: not here yet; `mlops run` fetches what is recorded"
                yield Finding("data", "note", message)
                continue
            yield Finding("data", "problem", str(error), "then: uv run mlops sources test")
        else:
            many = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
            yield Finding("data", "ok", f"{name}: {found[0].as_posix()}{many}")
            unlisted |= known is None
    if unlisted:
        mend = f"MLOPS_ENV={environment()} uv run mlops data ingest --accept, then commit the list"
        message = "the raw files are not recorded: a change of them is not seen"
        yield Finding("raw files", "note", message, mend)


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
        "sources test": test,
    },  # fmt: skip
    groups={
        "data": "Read, check and prepare data.",
        "sources": "The places where data comes from.",
    },
)
