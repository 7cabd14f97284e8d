"""Count what a backtracking engine does with a pattern: a matcher of our own over re's own parse.

The steps are those of the engine without its shortcuts, on every machine the same: they can be
compared at two lengths of a text, which seconds cannot.
"""

import re
from collections.abc import Callable, Iterator
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]

SINGLE = (code.LITERAL, code.NOT_LITERAL, code.ANY, code.IN)
CATEGORIES: dict[object, Callable[[str], bool]] = {
    code.CATEGORY_DIGIT: str.isdecimal,
    code.CATEGORY_NOT_DIGIT: lambda sign: not sign.isdecimal(),
    code.CATEGORY_SPACE: str.isspace,
    code.CATEGORY_NOT_SPACE: lambda sign: not sign.isspace(),
    code.CATEGORY_WORD: lambda sign: sign.isalnum() or sign == "_",
    code.CATEGORY_NOT_WORD: lambda sign: not (sign.isalnum() or sign == "_"),
}
REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)


def inner(operation: object, value: object) -> Iterator[list]:
    """Return the parts that an operation of a parsed pattern holds."""
    if operation in REPEATS:
        yield value[2]  # type: ignore[index]
    elif operation is code.SUBPATTERN:
        yield value[3]  # type: ignore[index]
    elif operation is code.ATOMIC_GROUP:
        yield value  # type: ignore[misc]
    elif operation is code.BRANCH:
        yield from value[1]  # type: ignore[index]
    elif operation in (code.ASSERT, code.ASSERT_NOT):
        yield value[1]  # type: ignore[index]


def is_bounded(parsed: object) -> bool:
    """Whether nothing in a parsed pattern may be repeated without end."""
    return all(
        not (operation in REPEATS and value[1] is code.MAXREPEAT)
        and all(is_bounded(part) for part in inner(operation, value))
        for operation, value in parsed  # type: ignore[attr-defined]
    )


class Counter:
    """Search a text from left to right as `finditer` does, and count the steps."""

    def __init__(self, pattern: "re.Pattern[str]", text: str) -> None:
        self.text, self.steps, self.groups = text, 0, {}
        self.folds = bool(pattern.flags & re.IGNORECASE)
        self.all = bool(pattern.flags & re.DOTALL)
        self.lines = bool(pattern.flags & re.MULTILINE)
        self.parsed = list(parser.parse(pattern.pattern, pattern.flags))

    def matches(self) -> list[tuple[int, int]]:
        """Return the start and end of every match."""
        found, at = [], 0
        while at <= len(self.text):
            end = next(self._run(self.parsed, 0, at), None)
            if end is None:
                at += 1
                continue
            found.append((at, end))
            at = max(end, at + 1)
        return found

    def _fits(self, operation: object, value: object, at: int) -> bool:
        self.steps += 1
        if not 0 <= at < len(self.text):
            return False
        sign = self.text[at]
        signs = {sign, sign.lower(), sign.upper()} if self.folds else {sign}
        if operation is code.LITERAL:
            return any(ord(one) == value for one in signs if len(one) == 1)
        if operation is code.NOT_LITERAL:
            return all(ord(one) != value for one in signs if len(one) == 1)
        if operation is code.ANY:
            return self.all or sign != "\n"
        negated = value[0][0] is code.NEGATE  # type: ignore[index]
        return negated != any(
            (kind is code.LITERAL and ord(one) == what)
            or (kind is code.RANGE and what[0] <= ord(one) <= what[1])
            or (kind is code.CATEGORY and CATEGORIES[what](one))
            for kind, what in value  # type: ignore[attr-defined]
            for one in signs
            if len(one) == 1
        )

    def _run(self, parts: list, place: int, at: int) -> Iterator[int]:
        if place == len(parts):
            yield at
            return
        operation, value = parts[place]
        for end in self._one(operation, value, at):
            yield from self._run(parts, place + 1, end)

    def _one(self, operation: object, value: object, at: int) -> Iterator[int]:
        self.steps += 1
        if operation in SINGLE:
            if self._fits(operation, value, at):
                yield at + 1
        elif operation is code.BRANCH:
            for branch in value[1]:  # type: ignore[index]
                yield from self._run(list(branch), 0, at)
        elif operation is code.SUBPATTERN:
            group, more, less, part = value  # type: ignore[misc]
            before, self.folds = self.folds, (self.folds or bool(more & 2)) and not less & 2
            for end in self._run(list(part), 0, at):
                self.groups[group] = (at, end)
                self.folds, within = before, self.folds
                yield end
                self.folds = within
            self.folds = before
        elif operation is code.ATOMIC_GROUP:
            yield from [*self._first(value, at)]
        elif operation in (code.ASSERT, code.ASSERT_NOT):
            direction, part = value  # type: ignore[misc]
            start = at - parser.SubPattern(parser.State(), list(part)).getwidth()[0] * (
                direction < 0
            )
            held = start >= 0 and bool([*self._first(part, start)])
            if held == (operation is code.ASSERT):
                yield at
        elif operation is code.AT:
            if self._is_at(value, at):
                yield at
        elif operation is code.GROUPREF:
            start, end = self.groups.get(value, (0, 0))
            self.steps += end - start
            if self.text.startswith(self.text[start:end], at):
                yield at + end - start
        elif operation in REPEATS:
            yield from self._repeat(operation, *value, at)  # type: ignore[misc]
        else:
            raise NotImplementedError(operation)

    def _first(self, part: object, at: int) -> Iterator[int]:
        for end in self._run(list(part), 0, at):  # type: ignore[call-overload]
            yield end
            return

    def _is_at(self, where: object, at: int) -> bool:
        def word(place: int) -> bool:
            inside = 0 <= place < len(self.text)
            return inside and CATEGORIES[code.CATEGORY_WORD](self.text[place])

        if where in (code.AT_BEGINNING, code.AT_BEGINNING_STRING):
            above = self.lines and where is code.AT_BEGINNING
            return at == 0 or (above and self.text[at - 1] == "\n")
        if where in (code.AT_END, code.AT_END_STRING):
            below = self.lines and where is code.AT_END
            return at == len(self.text) or (below and self.text[at] == "\n")
        return (word(at - 1) != word(at)) == (where is code.AT_BOUNDARY)

    def _repeat(self, how: object, least: int, most: int, part: object, at: int) -> Iterator[int]:
        parts = list(part)  # type: ignore[call-overload]
        ends, count = [at], 0
        if how is code.POSSESSIVE_REPEAT or (len(parts) == 1 and parts[0][0] in SINGLE):
            while count < most and (how is not code.MIN_REPEAT or count < least):
                step = [*self._first(parts, ends[-1])]
                if not step or (step[0] == ends[-1] and count >= least):
                    break
                ends.append(step[0])
                count += 1
            if how is code.MIN_REPEAT:
                if count == least:
                    yield ends[-1]
                    while count < most and (step := [*self._first(parts, ends[-1])]):
                        ends.append(step[0])
                        count += 1
                        yield step[0]
            elif count >= least:
                yield from ends[-1:] if how is code.POSSESSIVE_REPEAT else reversed(ends[least:])
            return
        yield from self._groups(how, least, most, parts, at)

    def _groups(self, how: object, least: int, most: int, parts: list, at: int) -> Iterator[int]:
        lazy = how is code.MIN_REPEAT and least <= 0
        if lazy:
            yield at
        if most > 0:
            for end in self._run(parts, 0, at):
                if end > at or least > 0:
                    yield from self._groups(how, least - 1, most - 1, parts, end)
        if least <= 0 and not lazy:
            yield at


def steps(pattern: "re.Pattern[str]", text: str) -> int:
    """Return how many steps it takes to search a text for every match."""
    counter = Counter(pattern, text)
    counter.matches()
    return counter.steps
