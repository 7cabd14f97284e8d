"""The one error that reaches a person, and the exit codes that every command shares."""

import os
import re

OK, NEGATIVE, INCONCLUSIVE, BAD_INPUT = range(4)
EXIT_CODES = {
    OK: "ok, or promote",
    NEGATIVE: "a negative verdict: reject, or something found",
    INCONCLUSIVE: "inconclusive: the data cannot tell",
    BAD_INPUT: "bad input, configuration or usage",
}

# What ends the part of an address that names a host: RFC 3986, and what stands around an address.
_USER = re.compile(r"(?:(?<=://)|(?<=:\\/\\/))[^\s/?#\"'<>`]{0,2000}@")
# A slash or the like in a password that nobody encoded: what follows the colon is no port then.
_BROKEN = re.compile(
    r"(?<=://)[^\s/?#@:\"'<>`\[]{0,500}:(?!\d{1,5}(?![^\s/?#\"'<>`]))(?![{$<])[^\s\"'<>`]{0,500}@"
)
_ENCODED = re.compile(r"(?i)(%3A%2F%2F)(?:(?!%2F|%40)[^\s/?#&\"'<>`]){1,500}%40")
_PARAMETER = re.compile(r"([?&;#])([\w.-]{1,60})=[^&;#\s\"'<>`]{1,4000}")
_FIRST_GONE = re.compile(r"[?]\x00(&?)")
_SECRET_NAME = re.compile(
    r"(?i)token|secret|passw|passphrase|pwd|api[_-]?key|access[_-]?key|account[_-]?key|credential"
    r"|signature|odbc_connect|(?:^|[._-])(?:o?auth|authorization|jwt|key|pass|pat|sas|sig)$"
)
# Here the name before @ says as whom, or which container: without it the address is another one.
_KEEPS_USER = re.compile(r"(?:^|\+)(?:ssh|ssh\+git|sftp|abfss?|wasbs?)\Z", re.IGNORECASE)


class MlopsError(Exception):
    """A problem that a person can mend: the message says what, where and what to do next.

    Parameters
    ----------
    message : str
        One or two plain sentences, without a traceback.
    exit_code : int
        What the command line exits with; 3 (bad input, configuration or usage) unless told.
    """

    def __init__(self, message: str, exit_code: int = BAD_INPUT) -> None:
        super().__init__(message)
        self.exit_code = exit_code


# What a machine refuses, under the names that libraries give it.
_USED_UP = {
    r"no space left on device|disk is full|disk quota exceeded|could not write.*disk|"
    r"file too large": (
        "The disk is full: make room, then run this again. What was complete before is still there"
    ),
    r"database is locked|database table is locked": (
        "Another process holds the registry (tracking.uri in conf/): wait until it is done, or "
        "stop it, then run this again"
    ),
    r"cannot allocate memory|out of memory|unable to allocate": (
        "This machine has too little memory for it: close what else runs, or take a larger one, "
        "then run this again"
    ),
    r"read-only file system": (
        "A folder that has to be written can only be read: run this where the project can be "
        "written, then again"
    ),
}
_REFUSED = _USED_UP | {
    r"connection refused|max retries exceeded|name or service not known|"
    r"temporary failure in name resolution": (
        "A server does not answer: check the network and its address in conf/, then run this again"
    ),
}


def refused_by_machine(error: BaseException | None) -> str | None:
    """Say what the machine refuses, where that is why `error` came, under any library's name."""
    return _said_of(error, _REFUSED)


def used_up(error: BaseException | None) -> str | None:
    """Say which of the machine's means is used up, where that is why `error` came.

    Of servers nothing is said: who wrapped their refusal into a sentence knows more.
    """
    return _said_of(error, _USED_UP)


def _said_of(error: BaseException | None, sentences: dict[str, str]) -> str | None:
    told: set[int] = set()  # what came of an error may name it as its own cause again
    while error is not None and id(error) not in told:
        told.add(id(error))
        said = "MemoryError: out of memory" if isinstance(error, MemoryError) else str(error)
        for pattern, sentence in sentences.items():
            if re.search(pattern, said, re.IGNORECASE):
                named = error.filename if isinstance(error, OSError) else None
                where = f" ({os.path.dirname(os.path.abspath(named))})" if named else ""
                return f"{sentence}{where}."
        error = error.__cause__ or error.__context__
    return None


def refusal(error: Exception, uri: str) -> str:
    """Say in a sentence why MLflow refuses, and what to do."""
    code = getattr(error, "error_code", None)
    where = f"MLflow at tracking.uri ({without_credentials(uri)})"
    said = " ".join(str(error).split())
    asked = re.search(r"/api/[\w.]+/mlflow/([\w/.-]+)", said)
    about = f" ({asked[1]})" if asked else ""
    if code == "UNAUTHENTICATED":
        return (
            f"{where} does not know who comes: set MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD to a user that it knows."
        )
    if code == "PERMISSION_DENIED":
        return (
            f"{where} does not permit that to the user who signed in{about}: ask whoever keeps it "
            "for the permission to edit this model and its log of promotions."
        )
    if code == "ENDPOINT_NOT_FOUND":
        return (
            f"{where} is too old, or is no MLflow{about}: this project needs a server of version "
            "3.17 or newer; ask whoever keeps it."
        )
    if "failed with exception" in said:
        why = re.search(r"(?:\[Errno -?\d+\] |: )([\w ]+)[^\w]*$", said)
        reason = f": {why[1].strip()}" if why else ""
        return f"{where} does not answer{reason}. Start it, or mend its address or the network."
    reason = re.sub(r"^API request to .* body: '?| \[SQL: .*", "", said)
    return f"{where} refuses: {reason[:200].rstrip('.')}."


class StageError(MlopsError):
    """A stage of the pipeline failed and has said why; only its exit code is left to pass on."""


def without_credentials(text: str) -> str:
    """Return the text with users, passwords and tokens cut out of every address in it.

    Of ``ssh`` only the password goes: its user is part of the address. ``git@host:path`` stays.
    """
    text = _USER.sub(_without_user, text)
    text = _BROKEN.sub("", text)
    text = _ENCODED.sub(r"\1", text)
    text = _PARAMETER.sub(_without_secret, text)
    return _FIRST_GONE.sub(lambda found: "?" if found[1] else "", text)


def _without_user(found: re.Match[str]) -> str:
    before = found.string[max(0, found.start() - 40) : found.start()]
    scheme = re.search(r"([\w+.-]*):[\\/]*\Z", before)
    if scheme and _KEEPS_USER.search(scheme[1]):
        user, colon, _ = found[0].partition(":")
        return f"{user}@" if colon else user
    return ""


def _without_secret(found: re.Match[str]) -> str:
    before, name = found.groups()
    if not _SECRET_NAME.search(name):
        return found[0]
    return "?\0" if before == "?" else ""
