"""Commands of online serving: `mlops serve`, `mlops snapshot`."""

import errno
import json
import os
import socket
import sys
import tempfile
from typing import TYPE_CHECKING, Annotated

import typer

from mlops_kit.compare.commands import Json
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.words import counted
from mlops_kit.core.zones import SNAPSHOT
from mlops_kit.room import Finding, Room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# More threads than workers take the cores that answer.
THREADS = {"OMP_NUM_THREADS": "1"}
# A connection that is kept reads on in a file that another one has replaced.
REGISTRY = {"MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool"}


def serve(
    host: Annotated[str | None, typer.Option(help="Address; conf/serve.yaml if not given.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; conf/serve.yaml if not given.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that answer.")
    ] = None,
    openapi: Annotated[
        bool, typer.Option("--openapi", help="Print the interface as OpenAPI, and end.")
    ] = False,
) -> None:
    """Answer requests by the registered model until it is stopped.

    Exit codes: 0 stopped.
    """
    for name, value in (THREADS | REGISTRY).items():
        os.environ.setdefault(name, value)
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise MlopsError(
            "What answers requests is not installed: `uv sync --group serve`, or run this as "
            "`uv run --group serve mlops serve`."
        ) from error
    from mlops_kit.operate.serve.config import load_serve

    config = load_serve(host=host, port=port, workers=workers)
    if not openapi:
        _refuse_taken(config.host, config.port)
    if config.workers > 1:
        # Before the library is loaded: it decides then whether workers share their figures.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="mlops-serve-")
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.serve.app import application
    from mlops_kit.operate.serve.limits import Impatient

    settings = load_settings()
    app = application(settings, config)
    if openapi:
        print(json.dumps(app.app.openapi(), indent=2))
        return
    print(f"http://{config.host}:{config.port} (stop with Ctrl-C)", file=sys.stderr)
    uvicorn.run(
        app if config.workers == 1 else "mlops_kit.operate.serve.app:create",
        factory=config.workers > 1,
        host=config.host,
        port=config.port,
        workers=config.workers,
        http=Impatient,
        ws="none",
        proxy_headers=False,
        log_level="error",  # a warning for whatever anybody sends
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=config.limits.shutdown_seconds,
    )
    sys.stderr.flush()
    if config.workers == 1 and app.app.state.server.answering.hangs:
        os._exit(0)  # a model that hangs would keep the process for ever


def _refuse_taken(host: str, port: int) -> None:
    """Refuse an address at which nobody can listen, before anything says that it is answered."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise MlopsError(f"{host} is no address of this machine: give another --host.") from error
    with socket.socket(found[0], found[1]) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(found[4])
        except OSError as error:
            why = "is taken by another program" if error.errno == errno.EADDRINUSE else (
                f"cannot be listened at ({error.strerror})")  # fmt: skip
            raise MlopsError(
                f"Port {port} at {host} {why}: stop that, or give another --port or --host."
            ) from error


def snapshot(
    as_of: Annotated[
        str | None, typer.Option(help="Time of the features; today when not given.")
    ] = None,
    model: Annotated[str, typer.Option(help="Alias of the registered version.")] = "champion",
    as_json: Json = False,
) -> None:
    """Write the features of every entity, by id, for `mlops serve`.

    Exit codes: 0 written.
    """
    from mlops_kit.core.settings import load_settings
    from mlops_kit.operate.serve.snapshot import write

    record = write(load_settings(), model, as_of)
    if as_json:
        print(json.dumps(record, indent=2))
        return
    print(
        f"wrote      {record['path']}: {counted(record['rows'], 'row')} as of "
        f"{record['as_of'] or 'now'}"
    )
    if record["note"]:
        print(f"note       {record['note']}")


def settings() -> "Mapping[str, Callable[[], object]]":
    """Name what reads conf/serve.yaml."""
    from mlops_kit.operate.serve.config import SERVE_FILE, load_serve

    return {SERVE_FILE.as_posix(): load_serve}


def examine() -> "Iterator[Finding]":
    """Look whether requests could be answered."""
    from mlops_kit.operate.serve.snapshot import Snapshot

    try:
        from mlops_kit.operate.serve.config import load_serve

        config = load_serve()
    except MlopsError:  # told among the settings
        return
    if config.features.source == "request":
        return
    if not SNAPSHOT.is_file():
        yield Finding("serving", "note", "there is no snapshot", "uv run mlops snapshot")
        return
    try:
        made = Snapshot()
    except MlopsError as error:
        yield Finding("serving", "problem", str(error), "uv run mlops snapshot")
        return
    most, age = config.features.max_age_hours, made.age_hours()
    if made.is_stale(most):
        told = f"the snapshot is of {age:,.0f} hours ago, and {most:g} are allowed"
        if (ahead := made.ahead_hours()) > 0:
            told = f"the snapshot was made {ahead:,.0f} hours after now by this machine's clock"
        yield Finding("serving", "problem", told, "uv run mlops snapshot")
    else:
        yield Finding("serving", "ok", f"a snapshot of {age:,.0f} hours ago")


ROOM = Room(commands={"serve": serve, "snapshot": snapshot}, settings=settings, examine=examine)
