"""Commands of sources of files: `mlops data manifest`, `mlops data pack`."""

import json
from typing import Annotated

import typer

from mlops_kit.compare.commands import Json
from mlops_kit.core.errors import NEGATIVE, OK
from mlops_kit.core.words import counted
from mlops_kit.room import Room


def manifest(as_json: Json = False) -> None:
    """Say of every file of sources of files what and how it is, and write a page about them.

    Exit codes: 0 each can be used, 1 some cannot.
    """
    from mlops_kit.compare.manifest.page import looked_at, said, write

    found = looked_at()
    page = write(found)
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False, default=str))
    else:
        for line in said(found):
            print(line)
        print(f"page       {page.as_posix()}")
    raise typer.Exit(NEGATIVE if any(one["bad"] for one in found["tables"]) else OK)


def pack(
    table: Annotated[str, typer.Argument(help="A table of pictures or audio.")],
    shard: Annotated[int, typer.Option(min=1, help="Megabytes of one parquet file.")] = 128,
    most: Annotated[int, typer.Option(min=1, help="Megabytes of a copy, at most.")] = 16,
    reason: Annotated[
        str | None, typer.Option(help="Why everybody may see what the files show, and who says so.")
    ] = None,
) -> None:
    """Write copies of files that hold nothing but what they show into a few parquet files.

    Exit codes: 0 written.
    """
    from mlops_kit.data.media.pack import PACKED
    from mlops_kit.data.media.pack import pack as packed

    done = packed(table, shard * 10**6, most * 10**6, reason)
    files, shards = counted(done.files, "file"), counted(done.shards, "parquet file")
    print(f"{files}, {done.bytes / 1e6:,.1f} MB, in {shards}: {(PACKED / table).as_posix()}")
    for why, count in done.left.items():
        print(f"left out   {count:,}: {why}")


ROOM = Room(commands={"data manifest": manifest, "data pack": pack})
