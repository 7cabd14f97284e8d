"""conf/sources.yaml with some declarations changed, and every other byte as it was.

The file is a person's: comments, order and ways of writing stay. Only the declarations of columns
that change are written anew, as `{key: value}` on one line.
"""

from typing import Any, NamedTuple

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import flow

COLUMNS = "columns"
# Where the value of a new line goes.
NEW = "\0"


class _Edit(NamedTuple):
    """Bytes of the text to be replaced."""

    start: int
    end: int
    text: str


def changed(text: str, tables: dict[str, dict[str, Any]]) -> str:
    """Write declarations of tables into the text of conf/sources.yaml.

    Parameters
    ----------
    tables : dict
        By name: its keys, of which those that stand there already get the new value, and
        `columns` by name. What is not named stays; a table that is not there is added at the end.

    Raises
    ------
    MlopsError
        When the text has no `tables`, or a table holds another table's lines by an anchor.
    """
    import yaml

    text += "" if text.endswith("\n") else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    there = _value(root, "tables")
    if not isinstance(there, yaml.MappingNode) or there.flow_style:
        raise MlopsError("conf/sources.yaml: `tables` must be a block of lines; write it so.")
    edits: list[_Edit] = []
    for name, declared in tables.items():
        node = _value(there, name)
        if node is None:
            edits.append(_Edit(*_end(text, there), _block(name, declared, _column_of(there))))
        elif not isinstance(node, yaml.MappingNode) or node.flow_style:
            raise MlopsError(f"conf/sources.yaml: tables.{name} must be a block of lines.")
        else:
            edits += _of_table(text, name, node, declared)
    for edit in sorted(edits, key=lambda one: one.start, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _of_table(text: str, name: str, node: Any, declared: dict[str, Any]) -> list[_Edit]:
    columns = _value(node, COLUMNS)
    if columns is None or columns.flow_style:
        raise MlopsError(f"conf/sources.yaml: tables.{name}.columns must be a block of lines.")
    edits = []
    before = " " * _column_of(node)
    # New keys of the table go before its columns.
    at = next(key.start_mark for key, _ in node.value if key.value == COLUMNS)
    for key, value in declared.items():
        if key == COLUMNS:
            continue
        edits.append(_put(node, key, value, _Edit(at.index, at.index, f"{key}: {NEW}\n{before}")))
    start, end = _end(text, columns)
    inside = " " * _column_of(columns)
    for column, value in declared.get(COLUMNS, {}).items():
        line = f"{inside}{flow(column)}: {NEW}\n"
        edits.append(_put(columns, column, value, _Edit(start, end, line)))
    return edits


def _put(node: Any, key: str, value: Any, new: _Edit) -> _Edit:
    """Replace the value of a key that is there, or add a line."""
    pair = next((pair for pair in node.value if pair[0].value == key), None)
    if pair is None:
        return new._replace(text=new.text.replace(NEW, flow(value), 1))
    name, old = pair
    if getattr(old, "flow_style", True) is False:  # over several lines
        return _Edit(name.end_mark.index, _last(old).end_mark.index, f": {flow(value)}")
    return _Edit(old.start_mark.index, old.end_mark.index, flow(value))


def _block(name: str, declared: dict[str, Any], indent: int) -> str:
    first, second, third = (" " * (indent + 2 * step) for step in range(3))
    lines = [f"{first}{flow(name)}:"]
    lines += [f"{second}{key}: {flow(one)}" for key, one in declared.items() if key != COLUMNS]
    lines += [f"{second}{COLUMNS}:"]
    lines += [f"{third}{flow(key)}: {flow(one)}" for key, one in declared[COLUMNS].items()]
    return "\n".join(lines) + "\n"


def _value(node: Any, name: str) -> Any:
    pairs = node.value if node is not None and isinstance(node.value, list) else []
    return next((value for key, value in pairs if key.value == name), None)


def _column_of(node: Any) -> int:
    return int(node.value[0][0].start_mark.column)


def _end(text: str, node: Any) -> tuple[int, int]:
    """Return where a line can be added to a block: behind the line of its last value."""
    at = text.find("\n", _last(node).end_mark.index)
    return (len(text), len(text)) if at < 0 else (at + 1, at + 1)


def _last(node: Any) -> Any:
    """Return the last value that stands in a block."""
    while getattr(node, "flow_style", True) is False and node.value:
        node = node.value[-1][1] if isinstance(node.value[-1], tuple) else node.value[-1]
    return node
