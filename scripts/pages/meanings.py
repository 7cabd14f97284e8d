"""What the texts below the keys of a class say: read from its source, as no run needs them."""

import ast
import inspect
import textwrap
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from typing import Any


def described(schema: dict[str, Any], kinds: Iterable[type]) -> dict[str, Any]:
    """Give each key in a JSON schema, and in its parts, what the class of that name says of it."""
    known = {kind.__name__: kind for kind in kinds}
    for name, part in ((schema["title"], schema), *schema.get("$defs", {}).items()):
        said = _texts(known[name])
        for key, one in part.get("properties", {}).items():
            if key in said:
                part["properties"][key] = dict(sorted({**one, "description": said[key]}.items()))
    return schema


@cache
def _texts(kind: type) -> dict[str, str]:
    found: dict[str, str] = {}
    # A typed dictionary forgets which ones it extends, but for this.
    for base in getattr(kind, "__orig_bases__", kind.__bases__):
        if getattr(base, "__module__", "").startswith("mlops_kit."):
            found |= _texts(base)
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    for line, below in pairwise(definition.body):
        match line, below:
            case ast.AnnAssign(target=ast.Name(id=key)), ast.Expr(value=ast.Constant(value=str())):
                found[key] = inspect.cleandoc(below.value.value)
    return found
