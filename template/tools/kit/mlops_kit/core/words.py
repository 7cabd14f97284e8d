"""Numbers in sentences."""


def counted(number: int, noun: str) -> str:
    """Say how many of something: 1 row, 3,000 rows."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a regular noun."""
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
