"""The types of a contract, as written: `decimal(12,2)`, `list<string>`, `struct<a: time>`."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pyarrow

TYPES = (
    *("string", "integer", "number", "boolean", "date", "timestamp", "timestamptz", "datetime"),
    *("time", "binary", "json", "integers"),
)
MOMENTS = ("date", "timestamp", "timestamptz", "datetime")
NUMBERS = ("integer", "number", "decimal")
PARTS = ("list", "struct")
# What has no order, no smallest value and no equal one that a contract could ask for.
WITHOUT_ORDER = ("integers", "json", *PARTS)
KNOWN = f"{', '.join(TYPES)}, decimal(p,s), list<type> or struct<name: type, ...>"
DECIMAL = re.compile(r"decimal\( *(\d{1,2}) *, *(\d{1,2}) *\)")
NAME = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^\s"<>(),:]+))\s*')
PLAIN = re.compile(r"[^\s\"<>(),:]+")


class Type(NamedTuple):
    """A type, and what is inside of it.

    Attributes
    ----------
    name : str
        Without what stands in brackets.
    digits : tuple of int
        Of a decimal: in all, and after the point.
    parts : tuple of (str, Type)
        Of a struct: its fields by name; of a list: one, without a name.
    """

    name: str
    digits: tuple[int, int] = (0, 0)
    parts: "tuple[tuple[str, Type], ...]" = ()

    def __str__(self) -> str:
        """Write it as a contract does."""
        if self.name == "decimal":
            return f"decimal({self.digits[0]},{self.digits[1]})"
        if self.name == "list":
            return f"list<{self.parts[0][1]}>"
        fields = ", ".join(f"{_name(name)}: {one}" for name, one in self.parts)
        return f"struct<{fields}>" if self.name == "struct" else self.name


def list_of(item: Type) -> Type:
    """Return the type of lists of something."""
    return Type("list", parts=(("", item),))


def struct_of(fields: dict[str, Type]) -> Type:
    """Return the type of what has these fields."""
    return Type("struct", parts=tuple(fields.items()))


@lru_cache
def parse(text: str) -> Type:
    """Read a type as it is written.

    Raises
    ------
    ValueError
        A clause that says what is wrong, and which types there are.
    """
    found, rest = _parsed(text)
    if rest.strip():
        raise ValueError(f"{text} is no type; use {KNOWN}")
    return found


def in_microseconds(schema: "pyarrow.Schema") -> "pyarrow.Schema":
    """Write times of day as SQL has them: to the microsecond, of which polars makes nanoseconds."""
    import pyarrow as pa

    def kept(kind: "pyarrow.DataType") -> "pyarrow.DataType":
        if pa.types.is_time(kind):
            return pa.time64("us")
        if pa.types.is_large_list(kind):
            return pa.large_list(kept(kind.value_type))
        if pa.types.is_struct(kind):
            return pa.struct([(field.name, kept(field.type)) for field in kind])
        return kind

    return pa.schema([(field.name, kept(field.type)) for field in schema])


def _parsed(text: str) -> tuple[Type, str]:
    """Read the type at the beginning of a text, and return what follows it."""
    text = text.lstrip()
    if found := DECIMAL.match(text):
        digits = int(found[1]), int(found[2])
        if not digits[1] <= digits[0] <= 38:
            raise ValueError(f"{found[0]} needs 38 digits at most, and no more after the point")
        return Type("decimal", digits), text[found.end() :]
    word = re.match(r"[a-z]*", text)
    name, rest = (word[0], text[word.end() :].lstrip()) if word else ("", text)
    if name == "list" and rest.startswith("<"):
        item, rest = _parsed(rest[1:])
        return list_of(item), _closed(rest, text)
    if name == "struct" and rest.startswith("<"):
        return _struct(rest[1:], text)
    if name not in TYPES:
        raise ValueError(f"{text} is no type; use {KNOWN}")
    return Type(name), text[len(name) :]


def _struct(rest: str, text: str) -> tuple[Type, str]:
    fields: dict[str, Type] = {}
    while True:
        found = NAME.match(rest)
        if found is None or rest[found.end() : found.end() + 1] != ":":
            raise ValueError(f"{text} needs fields such as struct<street: string, number: integer>")
        name = found[1].replace('""', '"') if found[1] else found[2]
        if name in fields:
            raise ValueError(f"{text} has the field {name} twice")
        fields[name], rest = _parsed(rest[found.end() + 1 :])
        rest = rest.lstrip()
        if not rest.startswith(","):
            return struct_of(fields), _closed(rest, text)
        rest = rest[1:]


def _closed(rest: str, text: str) -> str:
    rest = rest.lstrip()
    if not rest.startswith(">"):
        raise ValueError(f"{text} is no type: a > is missing, or stands too early")
    return rest[1:]


def _name(name: str) -> str:
    return name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
