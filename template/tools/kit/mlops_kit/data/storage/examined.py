"""What the doctor says of data: where they are kept, and the files of each table."""

import os
from collections.abc import Iterator

from mlops_kit.core.errors import MlopsError
from mlops_kit.room import Finding


def examine() -> Iterator[Finding]:
    """Look at the files of each table, and, of an environment that is named, at where data is kept.

    Nothing is read of the files; of the tables that were stored last, how old they are.
    """
    if "MLOPS_ENV" in os.environ:
        yield from _places()
    yield from _files()


def _places() -> Iterator[Finding]:
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


def _files() -> Iterator[Finding]:
    from mlops_kit.core.settings import environment, load_settings
    from mlops_kit.data.config import Files, load_sources
    from mlops_kit.data.contracts.kept import stale_tables
    from mlops_kit.data.sources.files import find
    from mlops_kit.data.storage.raw import listed

    try:
        known, settings = listed(environment()), load_settings()
        config = load_sources()
    except MlopsError:  # told among the settings
        return
    for said in stale_tables(config):
        yield Finding("freshness", "problem", said, "fetch newer data, then: uv run mlops run")
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
