"""Numbers in sentences."""

# Of one: verbs that are not regular.
OF_ONE = {"are": "is", "have": "has", "were": "was", "do": "does"}


def counted(number: int, noun: str) -> str:
    """Say how many of something: 1 row, 3,000 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural(noun)}"


def acting(number: int, noun: str, verb: str) -> str:
    """Say what so many do.

    >>> acting(1, "column", "wait"), acting(3, "column", "wait"), acting(1, "row", "have")
    ('1 column waits', '3 columns wait', '1 row has')
    """
    if number == 1:
        verb = OF_ONE.get(verb) or plural(verb)
    return f"{counted(number, noun)} {verb}"


def plural(noun: str) -> str:
    """Return the plural of a regular noun."""
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
