"""Merge three versions of a pyproject.toml by its values, where a merge of its lines conflicts."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from packaging.utils import canonicalize_name

GONE: Any = object()
TABLE = re.compile(r"^\[([^\[\]]+)\]\s*(?:#.*)?$")


class _ClashError(Exception):
    """Both sides changed one value, differently."""


def merge_toml(old: bytes, own: bytes, new: bytes) -> tuple[bytes, list[str]] | None:
    """Return the repository's file with the template's changes in it, or None.

    Tables are merged key by key. Of a list, such as a dependency group, the items that the template
    dropped go and the repository's stay; a requirement that both changed is a conflict. The result
    is read again and compared with what it must be, and no comment of the repository's may be lost.

    Parameters
    ----------
    old, own, new : bytes
        The old render, the repository's file, and the new render.

    Returns
    -------
    tuple or None
        The merged file, and the names that the repository deleted and the template changed: they
        stay deleted. None for a conflict of values, and for what is no TOML or written in an
        unusual way.
    """
    left_out: list[str] = []
    try:
        texts = [content.decode().replace("\r\n", "\n") for content in (old, own, new)]
        texts[::2] = (_as_listed(text, texts[1]) for text in texts[::2])
        before, mine, theirs = (tomllib.loads(text) for text in texts)
        expected = _merged(before, mine, theirs, "", left_out)
        text = _written((*texts,), before, mine, theirs)
        text = _with_new_tables(text, texts[2], mine, expected)
        text = _commented(text, _tables(texts[0]), _tables(texts[2]))
        if tomllib.loads(text) != expected or any(lost_comments(texts[0], texts[1], text)):
            return None
    except (_ClashError, ValueError, KeyError, TypeError, tomlkit.exceptions.TOMLKitError):
        return None
    return text.encode(), left_out


def lost_values(old: bytes, own: bytes, result: bytes) -> Iterator[str]:
    """Yield what a result has no more of the repository's own values and comments.

    Independent of how it was merged: each value, or item of a list, that is not as rendered.
    """
    texts = [content.decode().replace("\r\n", "\n") for content in (old, own, result)]
    texts[0] = _as_listed(texts[0], texts[1])
    kept, rendered = (Counter(_leaves(tomllib.loads(text))) for text in (texts[2], texts[0]))
    written = Counter(_leaves(tomllib.loads(texts[1]))) - rendered
    yield from (repr(leaf) for leaf in written - kept)
    yield from lost_comments(*texts)


def lost_comments(old: str, own: str, result: str) -> Iterator[str]:
    """Yield the comments of the repository's own lines that a result has no more."""
    written = Counter(own.splitlines()) - Counter(old.splitlines())
    kept = {line.partition("#")[2].strip() for line in result.splitlines()}
    yield from (line for line in written if line.partition("#")[2].strip() not in kept)


def _as_listed(rendered: str, own: str) -> str:
    """Return a render as adoption writes it where Poetry or PDM would lock [dependency-groups].

    What a plain `uv run` installs of the template's groups stands in one list of uv's there.
    """
    values, mine = tomllib.loads(rendered), tomllib.loads(own)
    chosen = values.get("tool", {}).get("uv", {}).get("default-groups")
    listed = "dev-dependencies" in mine.get("tool", {}).get("uv", {})
    if not listed or chosen is None or "mlops" in mine.get("dependency-groups", {}):
        return rendered
    tables = _tables(rendered)
    groups = values["dependency-groups"]
    items = [item for name in chosen for item in groups.get(name, [])]
    del tables["dependency-groups"]
    tables["tool.uv"] = f"dev-dependencies = {tomlkit.item(items).as_string()}\n\n"
    first = tables.pop("")
    return first + "".join(f"[{name}]\n{text}" for name, text in tables.items())


def _leaves(value: Any, name: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, (*name, key))
    elif isinstance(value, list):
        for item in value:
            yield name, repr(item)
    else:
        yield name, repr(value)


def _merged(old: Any, own: Any, new: Any, name: str, left_out: list[str]) -> Any:
    """Return the merged value; GONE where there is none."""
    if _same(own, new) or _same(new, old):
        return own
    if _same(own, old):
        return new
    if own is GONE and _only_holds_tables(old) and isinstance(new, dict):
        return _merged(old, {}, new, name, left_out) or GONE
    if own is GONE:
        left_out.append(name)
        return GONE
    if isinstance(own, dict) and (isinstance(new, dict) or (new is GONE and isinstance(old, dict))):
        before, new = (one if isinstance(one, dict) else {} for one in (old, new))
        keys = [*own, *(key for key in new if key not in own)]
        found = {
            key: _merged(
                before.get(key, GONE),
                own.get(key, GONE),
                new.get(key, GONE),
                f"{name}.{key}".lstrip("."),
                left_out,
            )
            for key in keys
        }
        return {key: value for key, value in found.items() if value is not GONE}
    if isinstance(own, list) and isinstance(new, list):
        before = old if isinstance(old, list) else []
        dropped, added = _changes(before, own, new)
        if not added and any(item not in before and item not in own for item in new):
            left_out.append(name)
        return [item for item in own if item not in dropped] + added
    raise _ClashError


def _only_holds_tables(value: Any) -> bool:
    """Tell whether a table is there for the tables in it, such as [tool]."""
    return isinstance(value, dict) and all(isinstance(inner, dict) for inner in value.values())


def _same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal; nothing equals a value that is not there."""
    return one is other if GONE in (one, other) else one == other


def _changes(old: list[Any], own: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return what the template dropped from a list, and what it added.

    Nothing is added in the place of items of which the repository has none any more.
    """
    replaced = [item for item in old if item not in new]
    dropped = [item for item in replaced if item in own]
    added = [item for item in new if item not in old and item not in own]
    mine = {_named(item) for item in own if item not in old}
    if mine & {_named(item) for item in added}:
        raise _ClashError
    return dropped, [] if replaced and not dropped else added


def _named(item: Any) -> str:
    """Return the name of a requirement, or what else identifies an item of a list."""
    match = re.match(r"[A-Za-z0-9][\w.-]*", item) if isinstance(item, str) else None
    return canonicalize_name(match[0]) if match else repr(item)


def _written(texts: tuple[str, ...], old: Any, own: Any, new: Any) -> str:
    """Return the repository's text with the changes of values in it, but no new tables."""
    document, source = tomlkit.parse(texts[1]), tomlkit.parse(texts[2])
    _apply(document, source, old, own, new)
    return tomlkit.dumps(document)


def _with_new_tables(text: str, new_text: str, own: Any, expected: Any) -> str:
    """Add the tables that the repository did not have, as the template writes them."""
    for name, table in _tables(new_text).items():
        if name and _at(own, name) is None and _at(expected, name) is not None:
            text = f"{text.rstrip()}\n\n[{name}]\n{table.strip()}\n"
    return text


def _apply(table: Any, source: Any, old: Any, own: Any, new: Any) -> None:
    """Change a table as ``_merged`` says; tables that are new as a whole are added elsewhere."""
    for key in [*own, *(key for key in new if key not in own)]:
        values = [one.get(key, GONE) for one in (old, own, new)]
        before, mine, theirs = values
        if _same(mine, theirs) or _same(theirs, before):
            continue
        if mine is GONE:
            if before is not GONE:
                continue
            if not isinstance(theirs, dict) or not _is_header(source, key):
                table[key] = source[key]
        elif theirs is GONE and _same(mine, before):
            del table[key]
        elif isinstance(mine, dict) and (theirs is GONE or isinstance(theirs, dict)):
            inner = theirs if isinstance(theirs, dict) else {}
            known = before if isinstance(before, dict) else {}
            _apply(table[key], source.get(key, {}), known, mine, inner)
        elif _same(mine, before):
            table[key] = source[key]
        else:
            dropped, added = _changes(before if before is not GONE else [], mine, theirs)
            for item in dropped:
                table[key].remove(item)
            for item in added:
                table[key].append(item)


def _is_header(source: Any, key: str) -> bool:
    """Tell whether a table is written with a [header], and not inside braces."""
    return isinstance(source[key], tomlkit.items.Table | tomlkit.container.OutOfOrderTableProxy)


def _at(values: Any, name: str) -> Any:
    """Return the value of a dotted name, or None."""
    for part in name.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def _tables(text: str) -> dict[str, str]:
    """Return the text of each table by its name."""
    found, name = {"": ""}, ""
    for line in text.splitlines(keepends=True):
        if match := TABLE.match(line.strip()):
            name = match[1].strip()
            found[name] = ""
        else:
            found[name] += line
    return found


def _commented(text: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Say with the template's new words what its comments said, where nobody changed them."""
    gone = Counter(_comments(old)) - Counter(_comments(new))
    lines, name, fresh = [], "", []
    for line in text.splitlines(keepends=True):
        if match := TABLE.match(line.strip()):
            name = match[1].strip()
        comment = (name, line.strip())
        if gone[comment] > 0:
            gone[comment] -= 1
            fresh = [one for of, one in _comments(new) if of == name and f"{one}\n" not in text]
            lines += [f"{one}\n" for one in fresh if f"{one}\n" not in lines]
        else:
            lines.append(line)
    return "".join(lines)


def _comments(tables: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the lines that are comments, with the name of their table."""
    return [
        (name, line.strip())
        for name, table in tables.items()
        for line in table.splitlines()
        if line.lstrip().startswith("#")
    ]
