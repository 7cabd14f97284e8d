"""User names, passwords and tokens in addresses: found, and kept out of files and output."""

import re
from typing import NamedTuple
from urllib.parse import unquote

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
_HTTP = re.compile(r"(?:git\+)?https?://", re.IGNORECASE)


class SignIn(NamedTuple):
    """What an address says about who asks: decoded, as it goes over the line."""

    user: str
    password: str


def without_credentials(text: str) -> str:
    """Return the text with users, passwords and tokens cut out of every address in it.

    Of ``ssh`` only the password goes: its user is part of the address. ``git@host:path`` stays.
    """
    text = _USER.sub(_without_user, text)
    text = _BROKEN.sub("", text)
    text = _ENCODED.sub(r"\1", text)
    text = _PARAMETER.sub(_without_secret, text)
    return _FIRST_GONE.sub(lambda found: "?" if found[1] else "", text)


def sign_in_of(address: str) -> SignIn | None:
    """Return user and password of an http address, if it has any."""
    scheme = _HTTP.match(address)
    found = _USER.search(address, scheme.end()) if scheme else None
    if scheme is None or found is None or found.start() != scheme.end():
        return None
    user, _, password = found[0][:-1].partition(":")
    return SignIn(unquote(user), unquote(password))


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
