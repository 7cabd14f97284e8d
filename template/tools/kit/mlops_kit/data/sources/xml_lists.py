"""An element that stands several times in a record, as an array of JSON."""

import json
import re

from mlops_kit.data.config import Column, Table
from mlops_kit.data.types import NUMBERS
from mlops_kit.data.values.json_text import parsed

# A number as JSON writes it.
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")


def array_of(texts: list[str | None], column: Column, table: Table) -> str | None:
    """Write what stands several times in a record as an array of JSON; nil is null in it.

    One element that holds an array itself is that array.
    """
    if column.kind == "integers":
        numbers = [one for one in texts if one is not None]
        return f"[{', '.join(numbers)}]" if numbers else None
    if len(texts) == 1:
        (text,) = texts
        if text is None or _is_array(text):
            return text
    plain = table.decimal in (None, ".") and table.thousands is None
    as_numbers = plain and column.parsed.parts[0][1].name in NUMBERS
    items = []
    for text in texts:
        if text is not None and as_numbers and NUMBER.fullmatch(text.strip()):
            items.append(text.strip())
        else:  # a text of JSON, or null
            items.append(json.dumps(text, ensure_ascii=False))
    return f"[{', '.join(items)}]"


def _is_array(text: str) -> bool:
    if text.lstrip()[:1] != "[":
        return False
    try:
        return isinstance(parsed(text), list)
    except ValueError:
        return False
