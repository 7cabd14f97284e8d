"""Types and ways of writing in the words of the Open Data Contract Standard 3, and back.

`logicalType` and its options are the standard's own; `physicalType` is what the place of the data
calls it, and is sharper: a `number` whose `physicalType` is `int4` is a whole number.
"""

import re
from typing import Any

from mlops_kit.data.types import Type, list_of, struct_of

LOGICAL = {
    "string": "string", "integer": "integer", "number": "number", "decimal": "number",
    "boolean": "boolean", "date": "date", "timestamp": "timestamp", "timestamptz": "timestamp",
    "datetime": "timestamp", "time": "time", "binary": "string", "json": "object",
    "integers": "array", "list": "array", "struct": "object",
}  # fmt: skip
# What databases and file formats call their types, without lengths.
WHOLE = {
    *("int", "integer", "bigint", "smallint", "tinyint", "mediumint", "long", "short", "byte"),
    *("int2", "int4", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("serial", "bigserial", "smallserial"),
}
EXACT = {"decimal", "numeric", "number", "dec"}
FLOATING = {"float", "double", "real", "float4", "float8", "float32", "float64", "double precision"}
TEXT = {
    *("string", "text", "char", "varchar", "nvarchar", "nchar", "bpchar", "varchar2", "clob"),
    *("character", "character varying", "uuid", "large_string", "enum"),
}
NAIVE = {"timestamp", "datetime", "datetime2", "timestamp_ntz", "timestamp without time zone"}
ZONED = {"timestamptz", "timestamp with time zone", "timestamp_tz", "datetimeoffset"}
PHYSICAL = {
    **dict.fromkeys(WHOLE, "integer"), **dict.fromkeys(FLOATING | EXACT, "number"),
    **dict.fromkeys(TEXT, "string"), **dict.fromkeys(NAIVE, "timestamp"),
    **dict.fromkeys(ZONED, "timestamptz"), **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("binary", "bytea", "blob", "varbinary", "bytes"), "binary"),
    **dict.fromkeys(("json", "jsonb", "variant", "super"), "json"),
    **dict.fromkeys(("time", "time without time zone"), "time"), "date": "date",
}  # fmt: skip
DIGITS = re.compile(r"[(\[] *(\d+) *(?:, *(\d+) *)?[)\]]")
# Letters of Java's DateTimeFormatter for those of strptime.
LETTERS = {
    "%Y": "yyyy", "%y": "yy", "%m": "MM", "%d": "dd", "%H": "HH", "%I": "hh", "%M": "mm",
    "%S": "ss", "%p": "a", "%b": "MMM", "%B": "MMMM", "%a": "EEE", "%A": "EEEE",
    "%j": "DDD", "%z": "Z", "%.f": ".SSSSSS",
}  # fmt: skip
BACK = {
    **{java: ours for ours, java in LETTERS.items()},
    "M": "%m", "d": "%d", "H": "%H", "h": "%I", "m": "%M", "s": "%S", "uuuu": "%Y", "uu": "%y",
    "YYYY": "%Y", "E": "%a", **{letter * n: "%z" for letter in "XxZ" for n in (2, 3)},
}  # fmt: skip

PARTS = re.compile(
    r"'(?P<quoted>(?:[^']|'')+)'|(?P<fraction>\.S+)|(?P<letters>([A-Za-z])\4*)|(?P<other>[^A-Za-z'])"
)
# What is read so where nothing is declared.
USUAL = re.compile(r"%Y-%m-%d([T ]%H:%M(:%S(%\.f)?)?(%z|Z)?)?")


def said_of(kind: Type) -> dict[str, Any]:
    """Return what a property of a contract says of a type of ours."""
    said: dict[str, Any] = {"logicalType": LOGICAL[kind.name], "physicalType": str(kind)}
    if kind.name in ("timestamp", "timestamptz", "datetime"):
        said["logicalTypeOptions"] = {"timezone": kind.name == "timestamptz"}
    if kind.name == "binary":
        said["logicalTypeOptions"] = {"format": "binary"}
    if kind.name == "integers":
        said["items"] = {"logicalType": "integer"}
    if kind.name == "list":
        said["items"] = said_of(kind.parts[0][1])
    if kind.name == "struct":
        said["properties"] = [{"name": name, **said_of(one)} for name, one in kind.parts]
    return said


def declared_of(one: dict[str, Any]) -> Type | None:
    """Return our type for a property, and take out of it what says so; None where there is none.

    What it says besides of the parts of a list or of an object stays in it.
    """
    logical, physical = one.pop("logicalType", None), one.pop("physicalType", None)
    options = one.get("logicalTypeOptions") or {}
    bare, digits = physical_of(physical)
    sharper = PHYSICAL.get(bare)
    if logical is None:
        logical = "number" if bare in EXACT else sharper and LOGICAL[sharper]
    if logical == "number":
        if digits and bare in EXACT and digits[1] <= digits[0] <= 38:
            return Type("decimal", digits)
        return Type("integer" if sharper == "integer" else "number")
    if logical == "timestamp":
        zoned = options.pop("timezone", False) or sharper == "timestamptz"
        return Type("timestamptz" if zoned else "timestamp")
    if logical == "date":
        return Type(sharper if sharper in ("timestamp", "timestamptz") else "date")
    if logical == "string" and (sharper == "binary" or options.get("format") == "binary"):
        options.pop("format", None)
        return Type("binary")
    if logical == "array":
        inner = declared_of(one["items"]) if isinstance(one.get("items"), dict) else None
        if inner == Type("integer") and bare == "integers":
            return Type("integers")
        return inner and list_of(inner)
    if logical == "object":
        fields = {str(part.get("name")): declared_of(part) for part in one.get("properties") or []}
        if fields and None not in fields.values():
            for part in one["properties"]:
                part.pop("name", None)
            return struct_of({name: kind for name, kind in fields.items() if kind})
        return Type("json") if sharper == "json" and not fields else None
    return Type(logical) if logical in ("string", "integer", "boolean", "time") else None


def physical_of(physical: str | None) -> tuple[str, tuple[int, int] | None]:
    """Return the bare name of a physical type, and its digits."""
    text = (physical or "").strip().lower()
    found = DIGITS.search(text)
    digits = (int(found[1]), int(found[2] or 0)) if found else None
    return " ".join(DIGITS.sub(" ", text).split()), digits


def java_of(form: str) -> str | None:
    """Write a format of strptime as Java's DateTimeFormatter has it; None where it cannot."""
    written = ""
    for part in re.findall(r"%\.f|%.|[^%]+", form):
        if part.startswith("%"):
            if (letters := LETTERS.get(part)) is None:
                return None
            written += letters
        elif any(one.isalpha() or one == "'" for one in part):
            written += "'" + part.replace("'", "''") + "'"
        else:
            written += part
    return written


def strptime_of(form: str) -> str | None:
    """Read a format of Java's DateTimeFormatter as one of strptime; None where it cannot be."""
    written = ""
    for part in PARTS.finditer(form):
        if part["fraction"]:
            written += "%.f"
        elif part["letters"] == "T":  # often written without quotes
            written += "T"
        elif part["letters"]:
            if (ours := BACK.get(part["letters"])) is None:
                return None
            written += ours
        elif part["other"]:
            written += "%%" if part["other"] == "%" else part["other"]
        else:
            written += part["quoted"].replace("''", "'").replace("%", "%%") or "'"
    return written


def unwrapped(pattern: str) -> str:
    """Return a pattern as a column declares it: it is matched from the start of the text."""
    found = re.fullmatch(r"\^\(\?:(.*)\)", pattern, re.DOTALL)
    if found is None:
        return pattern
    try:
        re.compile(found[1])
    except re.error:
        return pattern
    return found[1]
