"""Values that a store has and the type of their column here has not, such as a day 0000-00-00."""

from collections.abc import Sequence

from mlops_kit.core.errors import MlopsError


class Unfit(MlopsError):
    """A column that comes exactly as text alone.

    Attributes
    ----------
    columns : tuple of str
        The column, or those of which it may be one where the driver does not say.
    what : str
        What it holds.
    """

    def __init__(self, columns: Sequence[str], whose: str, what: str) -> None:
        names = ", ".join(f'"{one}"' for one in columns)
        one_of = "One of " if len(columns) > 1 else ""
        super().__init__(
            f"{one_of}{names} of {whose} holds {what}: declare its type as string in "
            "conf/sources.yaml, and it comes as text."
        )
        self.columns, self.what = tuple(columns), what
