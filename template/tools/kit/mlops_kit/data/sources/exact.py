"""A value of any store as one of the types that a contract knows: exactly, or a ValueError."""

import base64
import datetime
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from mlops_kit.core.files import from_json
from mlops_kit.data.values.json_text import Number
from mlops_kit.data.values.plain import bytes_of, json_of, time_of

NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
# A digit beyond the microsecond that says something.
FINER = re.compile(r"[.,]\d{6}\d*[1-9]")
UTC = datetime.UTC


def text(value: Any) -> str:
    """Write a value as its store shows it; what is inside of it as JSON."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8")
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, default=text, ensure_ascii=False)
    if isinstance(value, set | frozenset):
        return json.dumps(sorted(value, key=text), default=text, ensure_ascii=False)
    return repr(value) if isinstance(value, float) else str(value)


class Written(str):
    """What a store has as text alone: JSON of it is what is written, not a text in quotes."""


def document(value: Any) -> str:
    """Write a value as JSON: numbers exactly, bytes as base64, times as ISO 8601."""
    if isinstance(value, Written | Number):
        return str(value)
    if isinstance(value, Mapping):
        pairs = (f"{json.dumps(str(name))}: {document(one)}" for name, one in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, set | frozenset):
        return f"[{', '.join(sorted(map(document, value)))}]"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(document, value))}]"
    if isinstance(value, Decimal | float):
        if not math.isfinite(value):
            raise ValueError
        return str(value) if isinstance(value, Decimal) else repr(value)
    if isinstance(value, bytes | bytearray | memoryview):
        value = base64.b64encode(value).decode()
    if value is not None and not isinstance(value, bool | int | str):
        value = text(value)
    return json.dumps(value, ensure_ascii=False)


def nested(value: Any) -> str:
    """Write a list, struct or JSON as JSON; a text that is an array or object is one already."""
    opens = isinstance(value, str) and value.lstrip()[:1] in ("{", "[")
    return str(value) if opens and json_of(value) is not None else document(value)


def _time(value: Any) -> datetime.time | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        value = time_of(value.strip())
    if not isinstance(value, datetime.time):
        raise TypeError
    if value.tzinfo is not None:
        raise ValueError
    return value


def _bytes(value: Any) -> bytes | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        value = bytes_of(value.strip())
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError
    return bytes(value)


def _integer(value: Any) -> int | None:
    if isinstance(value, Number):  # a number of JSON, such as 3.0 or 1e3, and no text
        value = Decimal(value)
    if isinstance(value, Decimal) and value.is_finite() and value.adjusted() > 40:
        raise ValueError  # before a million digits are written out
    if isinstance(value, str):
        return int(value) if _is_number(value) else None
    if isinstance(value, bool) or value != int(value):
        raise ValueError
    return int(value)


def _number(value: Any) -> float | None:
    if isinstance(value, str) and not _is_number(value):
        return None
    if isinstance(value, bool) or (isinstance(value, int) and int(float(value)) != value):
        raise ValueError
    made = float(value)
    if math.isinf(made) and not isinstance(value, float):
        raise ValueError  # more than a float holds
    return made


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, str) and not _is_number(value):
        return None
    made = Decimal(repr(value) if isinstance(value, float) else value)
    if not made.is_finite():
        raise ValueError
    return made


def _is_number(value: str) -> bool:
    """Whether a text is a number of JSON; a blank one is none at all, and anything else refused."""
    if value.strip() and not NUMBER.fullmatch(value.strip()):
        raise ValueError
    return bool(value.strip())


def _boolean(value: Any) -> bool | None:
    said = str(value).strip().lower()
    return {"": None, "true": True, "false": False, "1": True, "0": False}[said]


def _date(value: Any) -> datetime.date | None:
    if isinstance(value, str):
        if not value.strip():
            return None
        value = datetime.datetime.fromisoformat(value)
    if isinstance(value, datetime.datetime):
        return (value.astimezone(UTC) if value.tzinfo else value).date()
    if not isinstance(value, datetime.date):
        raise TypeError
    return value


def _moment(value: Any) -> datetime.datetime | None:
    if isinstance(value, str):
        if FINER.search(value):
            raise ValueError  # Python would cut it off in silence
        return datetime.datetime.fromisoformat(value) if value.strip() else None
    if not isinstance(value, datetime.datetime):
        raise TypeError
    return value


def _naive(value: Any) -> datetime.datetime | None:
    """A moment without its zone, in UTC: a store that knows only moments tells them so."""
    made = _moment(value)
    return made.astimezone(UTC).replace(tzinfo=None) if made and made.tzinfo else made


def local(value: Any) -> datetime.datetime | None:
    """Take a day and a time that have no zone."""
    made = _moment(value)
    if made is not None and made.tzinfo is not None:
        raise ValueError
    return made


def only_text(value: Any) -> str:
    """Take a text that was one already."""
    if not isinstance(value, str):
        raise TypeError
    return value


def _zoned(value: Any) -> datetime.datetime | None:
    made = _moment(value)
    if made is not None and made.tzinfo is None:
        raise ValueError
    return made


def _integers(value: Any) -> list[int] | None:
    if isinstance(value, str):
        value = from_json(value) if value.strip() else None
    if value is None:
        return None
    if not isinstance(value, list | tuple | set):
        raise TypeError
    return [made for one in value if (made := _integer(one)) is not None]


TAKEN: dict[str, Callable[[Any], Any]] = {
    "string": text,
    "int64": _integer,
    "double": _number,
    "decimal": _decimal,
    "bool": _boolean,
    "date32[day]": _date,
    "timestamp[us]": _naive,
    "timestamp[us, tz=UTC]": _zoned,
    "time64[us]": _time,
    "binary": _bytes,
    "list<item: int64>": _integers,
    "list<element: int64>": _integers,
}
