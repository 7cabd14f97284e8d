"""A place that keeps data, and in one sentence why it refuses, whichever library said so."""

import re
from dataclasses import dataclass, field
from typing import Any

from mlops_kit.core.errors import MlopsError, used_up, without_credentials

ID, SECRET = "MLOPS_RESTRICTED_ID", "MLOPS_RESTRICTED_SECRET"  # noqa: S105
# By scheme: the group of pyproject.toml, the options that say who signs in, and the variables.
KINDS = {
    "s3": ("s3", "access_key_id", "secret_access_key",
           "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"),
    "gs": ("gs", "projectname", "credentialpath", "GOOGLE_APPLICATION_CREDENTIALS"),
    "azure": ("azure", "account_name", "account_key",
              "AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY, or AZURE_STORAGE_CONNECTION_STRING"),
    "ssh": ("ssh", "user", "password", "a key in ~/.ssh or of the agent"),
}  # fmt: skip

# What libraries say, under any of their names, by what it comes to.
NO_KEY = "|".join((
    r"nocredentials|unable to locate credentials|defaultcredentialserror|default credentials",
    r"must provide either a connection_string|unable to connect to account|profilenotfound",
    r"config profile .* could not be found|partialcredentials|requires either account_name",
))  # fmt: skip
NO_PLACE = "|".join((
    r"nosuchbucket|bucket does not exist|containernotfound|container does not exist",
    r"bucket.{0,80}(not found|404)|no such bucket|the specified bucket",
    r"filenotfounderror: https?://[^ ]*/storage/v1/b/[^/ ]+/o\b",
))  # fmt: skip
NOT_LET_IN = "|".join((
    r"permissionerror|accessdenied|access denied|permission denied|forbidden|unauthorized",
    r"invalidaccesskeyid|signaturedoesnotmatch|authenticationfail|authorizationfail",
    r"authorizationpermissionmismatch|failed to authenticate|invalid_grant|refresherror",
    r"malformederror|expiredtoken|invalidtoken|\b40[13]\b|host key is not trusted",
    r"incorrect padding|not in the expected format|invalid credentials",
))  # fmt: skip
NO_ROOM = "|".join((
    r"insufficientstorage|\b507\b|quotaexceeded|storagefull|no space left|disk is full",
    r"no writable volumes|free volumes|not enough data nodes",
))  # fmt: skip
ARCHIVED = r"invalidobjectstate|blobarchived|archived blob|storage class"
FAILS = r"internal ?error|serviceunavailable|\b50[03]\b"
NO_ANSWER = "|".join((
    r"connect call failed|connection refused|cannot connect to host|could not connect",
    r"name or service not known|name resolution|timed? ?out|serverdisconnected",
    r"servicerequesterror|no address associated|network is unreachable|connection ?lost",
))  # fmt: skip


@dataclass
class Store:
    """A place that keeps data.

    Attributes
    ----------
    what : str
        What it is for a person, such as `The remote "dev"`.
    url : str
        Folder or address.
    options : dict
        As DVC names those of a remote.
    is_remote : bool
        Whether it is one of .dvc/config; its secrets are named otherwise.
    declared : str
        Where its address and its secrets are declared, if it is a source.
    opened : tuple, optional
        Its file system and the path in it, once it is open: a session costs half a second.
    """

    what: str
    url: str
    options: dict[str, Any]
    is_remote: bool
    declared: str = ""
    opened: tuple[Any, str] | None = field(default=None, repr=False, compare=False)

    @property
    def scheme(self) -> str:
        """`s3`, `gs`, `azure`, `ssh`, another one, or "" for a folder."""
        return self.url.partition("://")[0].lower() if "://" in self.url else ""

    @property
    def shown(self) -> str:
        """What it is and where, without a password."""
        return f"{self.what} ({without_credentials(self.url)})"


def refusal(error: BaseException | None, store: Store) -> MlopsError:
    """Put what a library raised into one sentence: what refuses, why, and what to do next."""
    said = " | ".join(chain(error))
    if re.search(r"requires '?dvc-|no module named|remotemissingdeps", said, re.IGNORECASE):
        group = KINDS[store.scheme][0] if store.scheme in KINDS else store.scheme
        return MlopsError(
            f'{store.shown} needs the group "{group}": add it to default-groups '
            "under [tool.uv] in pyproject.toml, then uv sync."
        )
    if not store.scheme:
        if full := used_up(error):
            return MlopsError(f"{store.shown} has no room: {full}")
        return MlopsError(
            f"{store.shown} cannot be written ({_last(said)}): change its permissions, or take "
            "another folder."
        )
    if known := reason(said, store):
        return MlopsError(f"{store.shown} {known}.")
    return MlopsError(
        f"{store.shown} refuses: {_last(said)}. Nothing that was there is lost; the same command "
        "again goes on."
    )


def reason(said: str, store: Store) -> str | None:
    """Return the second half of a sentence: what a place's words come to, if that is known."""
    variables = KINDS[store.scheme][3] if store.scheme in KINDS else "who signs in"
    if store.declared:
        variables = f"`user` and `password` in {store.declared}, or {variables}"
    elif not store.is_remote and store.scheme in KINDS:
        variables = f"{ID} and {SECRET}, or {variables}"
    write = "" if store.declared else " or write"
    ways = (
        (ARCHIVED, "keeps it in its archive: restore it there first, which takes hours"),
        (NO_ROOM, "has no room left: make some there, then run this again"),
        (NO_KEY, f"gets no credentials: set {variables}"),
        (NO_PLACE, "has no such bucket or container: create it, or mend the address"),
        (NOT_LET_IN, f"does not let this user in{write}: check {variables}, and their rights"),
        (FAILS, "fails by itself, which a full disk there may cause: see its log, then try again"),
        (NO_ANSWER, f"does not answer: {on_network(store)}"),
    )
    return next((why for words, why in ways if re.search(words, said, re.IGNORECASE)), None)


def chain(error: BaseException | None) -> list[str]:
    """Return what an error and its causes say, the last one first."""
    told: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        told.append(f"{type(error).__name__}: {' '.join(str(error).split())}")
        error = error.__cause__ or error.__context__
    return told


def _last(said: str) -> str:
    """The first cause, short and without credentials."""
    return without_credentials(said.split(" | ")[0])[:200].rstrip(".")


def on_network(store: Store) -> str:
    """Say what to look at where nobody answers."""
    mend = store.declared or (".dvc/config" if store.is_remote else "`restricted` in conf/")
    return f"check the network, its certificate, and the address in {mend}"
