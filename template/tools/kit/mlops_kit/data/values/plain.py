"""Texts as bytes, as times of day and as JSON: exactly, or None."""

import base64
import binascii
import datetime
import re

from mlops_kit.data.values.json_text import parsed

CLOCK = re.compile(r"([01]?[0-9]|2[0-3])(:[0-5][0-9])(:[0-5][0-9])?(\.[0-9]{1,6})?0*")
EITHER = "null"  # four letters of base64, and a marker of what is missing


def bytes_of(text: str) -> bytes | None:
    r"""Read base64 (RFC 4648, with its padding), or hexadecimal digits behind `\x`."""
    try:
        if text.startswith("\\x"):
            return binascii.unhexlify(text[2:])
        made = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return made if base64.b64encode(made).decode() == text else None


def time_of(text: str) -> datetime.time | None:
    """Read hours, minutes, and seconds with a fraction of six digits if there are any."""
    found = CLOCK.fullmatch(text)
    if found is None or (found[4] and not found[3]):
        return None
    hour, minutes, seconds, fraction = found.groups()
    return datetime.time.fromisoformat(
        f"{int(hour):02}{minutes}{seconds or ':00'}{(fraction or '.0').ljust(7, '0')}"
    )


def json_of(text: str) -> str | None:
    """Return the text if it is one value of JSON, each name of an object once."""
    try:
        parsed(text)
    except ValueError:
        return None
    return text
