"""What stands inside of the objects of JSON, as columns by the way there: `properties/mag`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops_kit.data.values.inferred import MOST_FIELDS

BETWEEN = "/"  # as in the way to an element of XML
DEEPEST = 5


class Opener:
    """Puts what stands inside of objects beside the values of their record, for some columns.

    Parameters
    ----------
    columns : iterable of str
        Those that are wanted; `objects` are those on the ways to them.
    """

    def __init__(self, columns: Iterable[str]) -> None:
        found: dict[str, None] = {}
        for column in columns:
            steps = column.split(BETWEEN)
            found.update(dict.fromkeys(BETWEEN.join(steps[:end]) for end in range(1, len(steps))))
        self.objects = sorted(found, key=lambda way: way.count(BETWEEN))
        self._is_object: dict[str, bool] = {}

    def opened(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record with what is inside of its objects.

        Raises
        ------
        ValueError
            When a record before had an object where this has something else, or the other way
            round, or when a name stands beside the object that has it inside.
        """
        if not self.objects:
            return record
        found = dict(record)
        for way in self.objects:
            inside = found.get(way)
            if inside is None:
                continue
            is_object = isinstance(inside, dict)
            if self._is_object.setdefault(way, is_object) != is_object:
                raise ValueError(f'"{way}" is an object in some rows and none in others')
            for name, value in inside.items() if is_object else ():
                if (further := way + BETWEEN + name) in found:
                    raise ValueError(f'"{further}" stands in it twice, as a name and as a way')
                found[further] = value
        return found


@dataclass
class _Seen:
    """What stands under a name: objects, with these names in them, or also something else."""

    inside: "dict[str, _Seen]" = field(default_factory=dict)
    objects: bool = False
    whole: bool = False


def columns_in(records: Iterable[Mapping[str, Any]]) -> tuple[list[str], dict[str, str]]:
    """Name the columns of records: of objects what is inside of them, of all else the name.

    An object stays whole where another record has something else in its place, or where its names
    are values themselves, as in a map.

    Returns
    -------
    tuple of list of str and dict of str to str
        The columns, and what cannot be one, and why.
    """
    seen = _Seen()
    for record in records:
        _look(record, seen, 1)
    unread = {}
    for name in seen.inside:
        first = name.partition(BETWEEN)[0]
        if first != name and seen.inside.get(first, _Seen()).objects:
            seen.inside[first].whole = True
            unread[name] = f'it may be what is inside of "{first}": rename one of them in the file'
    return [name for name in _ways(seen, "") if name not in unread], unread


def _look(record: Mapping[str, Any], seen: _Seen, depth: int) -> None:
    for name, value in record.items():
        one = seen.inside.setdefault(name, _Seen())
        if isinstance(value, dict):
            one.objects = True
            odd = any(BETWEEN in word or not word.strip() for word in (name, *value))
            many = len(one.inside.keys() | value.keys()) > MOST_FIELDS
            one.whole |= odd or many or depth == DEEPEST
            if not one.whole:
                _look(value, one, depth + 1)
        elif value is not None:
            one.whole = True


def _ways(seen: _Seen, above: str) -> Iterable[str]:
    for name, one in seen.inside.items():
        if one.inside and not one.whole:
            yield from _ways(one, above + name + BETWEEN)
        else:
            yield above + name
