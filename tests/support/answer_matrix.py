"""The rows of answers that together cover every pair of answers that can be given.

A question with several answers at once (data sources, jurisdictions) counts as one yes-or-no
parameter per choice, so that every choice also meets every other answer in a row without it.

The generator is greedy and ours: allpairspy, given which answers exclude each other, missed 5 of
1,970 pairs here.
"""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

from rendering import questions

# Texts are the business of test_nasty_strings.py.
TEXTS = {"project_name", "package_name", "business_metric", "owner", "description", "kit"}
Value = tuple[str, Any]


@cache
def parameters() -> dict[str, list[Value]]:
    """Return each parameter's values, as (parameter, value)."""
    found: dict[str, list[Value]] = {}
    for name, question in questions().items():
        if name in TEXTS or question.get("when") is False:
            continue
        if question["type"] == "bool":
            found[name] = [(name, given) for given in (True, False)]
            continue
        choices = list(question["choices"].values())
        if question.get("multiselect"):
            for choice in choices:
                found[f"{name}:{choice}"] = [(f"{name}:{choice}", given) for given in (True, False)]
        else:
            found[name] = [(name, choice) for choice in choices]
    return found


def possible(values: Iterable[Value], *, complete: bool) -> bool:
    """Tell whether values can be given together; a complete row also needs a source and a rule."""
    row = dict(values)
    rules = [given for name, given in row.items() if name.startswith("jurisdictions:")]
    sources = [given for name, given in row.items() if name.startswith("data_sources:")]
    infrastructure = [given for name, given in row.items() if name.startswith("infrastructure:")]
    if row.get("stage") == "poc" and any(infrastructure):
        return False
    if row.get("personal_data") == "none":
        return not any(rules) and (not complete or any(sources))
    return not complete or (any(rules) and any(sources))


def rows(tries: int = 60) -> list[dict[str, Any]]:
    """Return the rows as answers for Copier; each is the best of some random completions of a pair.

    The same on every machine: the generator's seed is fixed and nothing depends on set order.
    """
    random, names = Random(0), parameters()  # noqa: S311 - a seed, not a secret
    missing = dict.fromkeys(possible_pairs())
    found: list[dict[str, Any]] = []
    while missing:
        fixed = dict(next(iter(missing)))
        candidates = []
        while len(candidates) < tries:
            row = {name: random.choice(values)[1] for name, values in names.items()} | fixed
            if possible(row.items(), complete=True):
                answers = to_answers(row.items())
                candidates.append((sum(pair in missing for pair in pairs_in(answers)), answers))
        _, best = max(candidates, key=lambda candidate: candidate[0])
        found.append(best)
        for pair in pairs_in(best):
            missing.pop(pair, None)
    return found


def to_answers(row: Iterable[Value]) -> dict[str, Any]:
    """Turn (parameter, value) pairs into answers; yes-or-no parameters become one list again."""
    answers: dict[str, Any] = {}
    row = list(row)
    if ("stage", "production") in row:
        answers["infrastructure"] = []  # none is an answer too, and not the default
    for name, value in row:
        question, _, choice = name.partition(":")
        if not choice:
            answers[question] = value
        elif value:
            answers.setdefault(question, []).append(choice)
    return answers


def pairs_in(answers: dict[str, Any]) -> Iterator[tuple[Value, Value]]:
    """Return every pair of values in a row of answers, in the order of the parameters."""
    values: list[Value] = []
    for name in parameters():
        question, _, choice = name.partition(":")
        given = answers.get(question, [])
        values.append((name, choice in given if choice else given))
    yield from combinations(values, 2)


def possible_pairs() -> list[tuple[Value, Value]]:
    """Return every pair of values that some project can have, in the order of the parameters."""
    return [
        (one, other)
        for some, others in combinations(parameters().values(), 2)
        for one in some
        for other in others
        if possible((one, other), complete=False)
    ]
