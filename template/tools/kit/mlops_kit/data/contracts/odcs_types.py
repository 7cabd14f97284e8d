"""Types and ways of writing in the words of the Open Data Contract Standard 3, and back.

`logicalType` and its options are the standard's own; `physicalType` is what the place of the data
calls it, and is sharper: a `number` whose `physicalType` is `int4` is a whole number.
"""

import re
from typing import Any

LOGICAL = {
    "string": "string", "integer": "integer", "number": "number", "decimal": "number",
    "boolean": "boolean", "date": "date", "timestamp": "timestamp", "timestamptz": "timestamp",
    "datetime": "timestamp", "integers": "array",
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
    "date": "date",
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
    "YYYY": "%Y", "XX": "%z", "XXX": "%z", "xx": "%z", "xxx": "%z", "ZZZ": "%z", "E": "%a",
}  # fmt: skip

PARTS = re.compile(
    r"'(?P<quoted>(?:[^']|'')+)'|(?P<fraction>\.S+)|(?P<letters>([A-Za-z])\4*)|(?P<other>[^A-Za-z'])"
)
# What is read so where nothing is declared.
USUAL = re.compile(r"%Y-%m-%d([T ]%H:%M(:%S(%\.f)?)?(%z|Z)?)?")


def said_of(declared: str) -> dict[str, Any]:
    """Return what a property of a contract says of a type of ours."""
    kind = declared.partition("(")[0]
    said: dict[str, Any] = {"logicalType": LOGICAL[kind], "physicalType": declared}
    if kind in ("timestamp", "timestamptz", "datetime"):
        said["logicalTypeOptions"] = {"timezone": kind == "timestamptz"}
    if kind == "integers":
        said["items"] = {"logicalType": "integer"}
    return said


def declared_of(logical: str | None, physical: str | None, options: dict[str, Any], items: Any
                ) -> str | None:  # fmt: skip
    """Return our type for a property; None where there is none.

    Parameters
    ----------
    options : dict
        Its `logicalTypeOptions`.
    items : dict or None
        What it says of the elements of an array.
    """
    bare, digits = physical_of(physical)
    sharper = PHYSICAL.get(bare)
    if logical is None:
        logical = "number" if bare in EXACT else sharper
        logical = "timestamp" if sharper == "timestamptz" else logical
    if logical == "number":
        if digits and bare in EXACT and digits[1] <= digits[0] <= 38:
            return f"decimal({digits[0]},{digits[1]})"
        return "integer" if sharper == "integer" else "number"
    if logical == "timestamp":
        return "timestamptz" if options.get("timezone") or sharper == "timestamptz" else "timestamp"
    if logical == "date":
        return sharper if sharper in ("timestamp", "timestamptz") else "date"
    if logical == "array":
        inside = items.get("logicalType") if isinstance(items, dict) else None
        return "integers" if inside == "integer" else None
    return logical if logical in ("string", "integer", "boolean") else None


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
