"""Places that keep data: a DVC remote, or where raw files are; and what is said when one refuses.

Secrets come from the environment, or from .dvc/config.local, which git ignores:

==========  ======================================================  ================================
place       what its own library reads                              of raw files, where they differ
==========  ======================================================  ================================
``s3://``   AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE   MLOPS_RESTRICTED_ID and _SECRET
``gs://``   GOOGLE_APPLICATION_CREDENTIALS (a file)                 MLOPS_RESTRICTED_SECRET (a file)
``azure``   AZURE_STORAGE_CONNECTION_STRING, or _ACCOUNT and _KEY   MLOPS_RESTRICTED_ID and _SECRET,
                                                                    or a connection string
``ssh://``  the agent and ~/.ssh                                    MLOPS_RESTRICTED_ID and _SECRET
==========  ======================================================  ================================
"""

import contextlib
import os
import re
import secrets
import socket
import tempfile
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Settings
from mlops_kit.data.storage.refusals import (
    ID,
    KINDS,
    NO_PLACE,
    SECRET,
    Store,
    chain,
    on_network,
    refusal,
)

SECONDS = 5  # for a connection
PATIENCE = 60  # seconds for an answer: libraries try again for minutes
STAND_IN = re.compile(r"://(?:BUCKET|CONTAINER)-OF-")
# Otherwise its library asks a second service what kind of bucket it is, for a minute if need be.
PLAIN_GCS = ("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
HOSTS = {"s3": "s3.amazonaws.com", "gs": "storage.googleapis.com"}
# What DVC reaches each of them by.
PLUGINS = {"s3": "dvc_s3", "gs": "dvc_gs", "azure": "dvc_azure", "ssh": "dvc_ssh"}
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def default_remote() -> str | None:
    """Return the remote that DVC takes when none is named."""
    return _configuration()["core"].get("remote")


def configured() -> dict[str, dict[str, Any]]:
    """Return the options of each DVC remote by its name, .dvc/config.local over .dvc/config.

    Raises
    ------
    MlopsError
        When a file cannot be read.
    """
    return _configuration()["remote"]


def _configuration() -> Any:
    from dvc.config import Config, ConfigError

    try:
        return Config(dvc_dir=".dvc" if Path(".dvc").is_dir() else None)
    except ConfigError as error:
        said = " ".join(str(error).split())
        raise MlopsError(f".dvc/config cannot be read: {said}. Mend it there.") from error


def remote(settings: Settings, where: str) -> Store:
    """Return the DVC remote of an environment, whose name is `where`.

    Raises
    ------
    MlopsError
        When there is none of that name, or nobody has named its bucket yet.
    """
    name = settings.dvc_remote
    options = dict(configured().get(name) or {})
    if "url" not in options:
        raise MlopsError(
            f'The remote "{name}" of {where} is not in .dvc/config: '
            f"uv run dvc remote add {name} URL."
        )
    store = Store(f'The remote "{name}"', str(options.pop("url")), options, True)
    if STAND_IN.search(store.url):
        raise MlopsError(
            f"{store.shown} is a stand-in until you name a bucket of yours: "
            f"uv run dvc remote modify {name} url {store.scheme}://NAME/dvc, then commit it."
        )
    return store


def restricted(settings: Settings, where: str) -> Store | None:
    """Return where the raw files of an environment are kept, with its own credentials."""
    declared = settings.restricted
    if declared is None:
        return None
    store = Store(f"The place of raw files of {where}", declared.url, dict(declared.options), False)
    return signed(store, os.environ.get(ID), os.environ.get(SECRET))


def signed(store: Store, who: str | None, secret: str | None) -> Store:
    """Say who signs in, in the words of the place's library."""
    if store.scheme in KINDS:
        _, name, key, _ = KINDS[store.scheme]
        if store.scheme == "azure" and secret and "=" in secret.rstrip("="):
            key, who = "connection_string", None
        # Not by Path, which raises for what is too long to be a name: the credentials themselves.
        if store.scheme == "gs" and secret and not os.path.isfile(secret):  # noqa: PTH113
            where = f"`password` of {store.declared}" if store.declared else SECRET
            raise MlopsError(
                f"{store.shown}: {where} leads to no file, and the credentials of Google are read "
                "from one: correct the path that it holds."
            )
        store.options.update({n: value for n, value in ((name, who), (key, secret)) if value})
    return store


def opened(store: Store) -> tuple[Any, str]:
    """Return the file system of a place, as DVC has it, and the path in it: one for all answers."""
    from dvc.fs import get_cloud_fs

    if store.opened is not None:
        return store.opened
    os.environ.setdefault(*PLAIN_GCS)
    if store.scheme == "ssh":
        asks: Any = import_module("dvc_ssh.client")
        asks.getpass = _nobody_is_asked
    kind, options, path = get_cloud_fs({}, url=store.url, **store.options)
    assert kind is not None
    store.opened = kind(**options), path
    return store.opened


def _nobody_is_asked(*_: object) -> str:
    raise PermissionError("it asks for a password or passphrase")


def answer(store: Store, what: Callable[[Any, str], Any], patience: float | None = None) -> Any:
    """Do something with an open place, and say in one sentence why it refuses.

    Parameters
    ----------
    patience : float, optional
        Seconds for an answer; as long as it takes where files are moved.

    Raises
    ------
    MlopsError
        As said.
    """
    reach(store)
    told: dict[str, Any] = {}

    def work() -> None:
        try:
            told["done"] = what(*opened(store))
        except BaseException as error:  # whatever a store's library raises
            told["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(patience)
    if thread.is_alive():
        raise MlopsError(f"{store.shown} gives no answer within {patience} s: {on_network(store)}.")
    if isinstance(told.get("error"), MlopsError):
        raise told["error"]
    if "error" in told:
        raise refusal(told["error"], store) from told["error"]
    return told["done"]


def probe(store: Store, write: bool = True) -> None:
    """Write a few bytes where it keeps data, and take them away again; or look into it only.

    Raises
    ------
    MlopsError
        One sentence, when it cannot be reached, read or written.
    """
    if store.scheme:
        answer(store, _written if write else _looked_into, PATIENCE)
        return
    folder = Path(store.url).resolve()
    there = next(above for above in (folder, *folder.parents) if above.exists())
    try:
        if not write:
            os.listdir(there)
            return
        with tempfile.NamedTemporaryFile(dir=there, prefix=".mlops-probe-") as file:
            file.write(bytes(1 << 16))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise refusal(error, store) from error


def _written(fs: Any, path: str) -> None:
    name = fs.join(path, f".mlops-probe-{secrets.token_hex(4)}")
    fs.makedirs(path, exist_ok=True)
    fs.pipe_file(name, b"mlops doctor")
    if fs.cat_file(name) != b"mlops doctor":
        raise OSError("what was written is not what is read")
    # Who may write need not be allowed to remove.
    with contextlib.suppress(Exception):
        fs.rm_file(name)


def _looked_into(fs: Any, path: str) -> None:
    try:
        fs.ls(path)
    except FileNotFoundError as error:  # nothing was pushed there yet, or no such bucket
        if re.search(NO_PLACE, " | ".join(chain(error)), re.IGNORECASE):
            raise


def reach(store: Store) -> None:
    """Refuse at once where nobody answers: libraries would try again for minutes.

    Raises
    ------
    MlopsError
        When no connection can be made.
    """
    if store.scheme in KINDS and find_spec(PLUGINS[store.scheme]) is None:
        raise refusal(ImportError(f"requires dvc-{store.scheme}"), store)
    host, port = _host(store)
    if host is None or any(os.environ.get(name) for name in PROXIES):
        return
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except OSError as error:
        said = error.strerror or str(error)
        raise MlopsError(
            f"{store.shown} cannot be reached ({host}:{port}: {said}): {on_network(store)}."
        ) from error


def _host(store: Store) -> tuple[str | None, int]:
    """Where it listens, as far as the configuration says."""
    options, scheme = store.options, store.scheme
    endpoint = str(options.get("endpointurl") or "")
    if scheme == "s3":
        endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL_S3", "")
        endpoint = endpoint or os.environ.get("AWS_ENDPOINT_URL", "")
    if scheme == "azure":
        said = str(options.get("connection_string") or "")
        said = said or os.environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
        parts = dict(part.split("=", 1) for part in said.split(";") if "=" in part)
        endpoint = parts.get("BlobEndpoint", "")
        account = parts.get("AccountName") or options.get("account_name")
        account = account or os.environ.get("AZURE_STORAGE_ACCOUNT")
        if not endpoint and account:
            endpoint = f"https://{account}.blob.core.windows.net"
    if scheme == "ssh":
        place = urlsplit(store.url)
        port = options.get("port") or place.port or 22
        # A name of ~/.ssh/config is no host of the network.
        known = (Path.home() / ".ssh/config").is_file()
        return (None if known else place.hostname), int(port)
    if not endpoint:
        return HOSTS.get(scheme), 443
    place = urlsplit(endpoint)
    return place.hostname, place.port or (80 if place.scheme == "http" else 443)
