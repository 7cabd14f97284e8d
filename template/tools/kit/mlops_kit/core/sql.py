"""Names in SQL."""


def quoted(name: str) -> str:
    """Write the name of a column or table for SQL, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
