"""Bring the template's tables into a repository's pyproject.toml, whose own values always win."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name

from copier_mlops.errors import ToolError

PYPROJECT = "pyproject.toml"
UNITED = re.compile(
    r"dependency-groups\..*|tool\.uv\.(default-groups|dev-dependencies|workspace\.members)"
    r"|tool\.setuptools\.packages\.find\.exclude"
)


def split(text: str) -> dict[str, str]:
    """Return the text of each table of the template's pyproject.toml, by its name."""
    parts = re.split(r"^\[([^\[\]]+)\]\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def merge(theirs: str, sections: Mapping[str, str]) -> tuple[str, list[str]]:
    """Merge tables into a pyproject.toml; nothing that stands there changes its value.

    The result is read again and compared with what it must be, so a slip cannot reach a file.

    Returns
    -------
    tuple
        The merged text, and a sentence for each value that differs.

    Raises
    ------
    ToolError
        The file is written in a way in which this cannot be done.
    """
    differing: list[str] = []
    wanted = tomllib.loads("\n".join(f"[{name}]\n{text}" for name, text in sections.items()))
    expected = _values(tomllib.loads(theirs), wanted, "", differing)
    document = tomlkit.parse(theirs)
    appended = ""
    for name, text in sections.items():
        table: Any = document
        for part in name.split("."):
            table = table.get(part) if isinstance(table, Mapping) else None
        if table is None:  # A value where a table should be: found out below.
            appended += f"\n[{name}]\n{text.strip()}\n"
        elif isinstance(table, Mapping):
            _extend(table, tomlkit.parse(text), name)
    body = tomlkit.dumps(document)
    merged = f"{body.rstrip()}\n{appended}" if body.strip() else appended.lstrip()
    try:
        right = tomllib.loads(merged) == expected
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise ToolError(f"{PYPROJECT} is written in a way that cannot be merged safely.")
    return merged, differing


def _values(theirs: Any, wanted: Any, name: str, differing: list[str]) -> Any:
    """Merge plain values, as ``merge`` promises it, and note what differs."""
    if isinstance(theirs, dict) and isinstance(wanted, dict):
        result = dict(theirs)
        for key, value in wanted.items():
            dotted = f"{name}.{key}".lstrip(".")
            if key in theirs:
                result[key] = _values(theirs[key], value, dotted, differing)
            else:
                result[key] = value
        return result
    if UNITED.fullmatch(name) and isinstance(theirs, list) and isinstance(wanted, list):
        known = {_named(item): item for item in theirs}
        for item in wanted:
            if known.get(_named(item), item) != item:
                differing.append(f"`{name}`: yours is `{known[_named(item)]}`, not `{item}`")
        return theirs + [item for item in wanted if _named(item) not in known]
    if theirs != wanted:
        differing.append(f"`{name}`: yours is `{theirs}`, not `{wanted}`")
    return theirs


def _extend(table: Any, wanted: Any, name: str) -> None:
    """Do the same in the document, so that its comments and its order stay."""
    for key, value in wanted.items():
        dotted = f"{name}.{key}"
        if key not in table:
            table[key] = value
        elif isinstance(table[key], Mapping) and isinstance(value, Mapping):
            _extend(table[key], value, dotted)
        elif UNITED.fullmatch(dotted) and isinstance(table[key], list):
            known = {_named(item) for item in table[key].unwrap()}
            for item in value.unwrap():
                if _named(item) not in known:
                    table[key].append(item)


def _named(item: Any) -> str:
    """Return the name of a requirement, or what else identifies an item of a list."""
    match = re.match(r"[A-Za-z0-9][\w.-]*", item) if isinstance(item, str) else None
    return canonicalize_name(match[0]) if match else repr(item)


def quoted(value: Any) -> str:
    """Return a value as TOML."""
    return tomlkit.item(value).as_string()
