"""Ids of requests, as the open zone has them; and how a request is refused."""

import functools
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources
from mlops_kit.operate.serve.request.fields import MOST_TEXT, WHOLE
from mlops_kit.room import rooms


class AskedError(Exception):
    """A request that cannot be answered: its status, and by field the reason."""

    def __init__(self, status: int, told: list[dict[str, str]]) -> None:
        super().__init__(told)
        self.status, self.told = status, told


class Ids:
    """How ids of requests become those of the open zone, and which types they may have.

    Attributes
    ----------
    people : bool
        Whether ids stand for people, so that none may be an example.
    """

    def __init__(self, kinds: Any, made: Callable[[Any], Any], people: bool = True) -> None:
        self.kinds, self._made, self.people = kinds, made, people

    def __call__(self, raw: Any) -> Any:
        return self._made(raw)


def ids_of(sources: Sources, kind: str) -> Ids:
    """Say how ids are read; where they are protected, a token is taken as it is.

    Where the key is not on this machine, tokens alone are taken.
    """
    import polars as pl

    whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1), WHOLE]
    text = Annotated[str, Field(max_length=MOST_TEXT)]
    try:
        opened = next((one for room in rooms() if (one := room.open_ids(sources))), None)
    except MlopsError:
        return Ids(text, lambda raw: raw)
    if opened is None:
        if kind != "VARCHAR" and "INT" not in kind:
            raise MlopsError(
                f"Ids of type {kind} cannot be asked for online: give features.py ids that are "
                "whole numbers or texts."
            )
        return Ids(text if kind == "VARCHAR" else whole, lambda raw: raw, people=False)
    number = sources.tables[sources.entity.table].columns[sources.entity.column].kind == "integer"

    @functools.lru_cache(maxsize=65_536)
    def made(raw: int | str) -> str:
        texts = pl.Series([str(raw)])
        if opened.is_one(texts)[0]:
            return str(raw)
        if number and isinstance(raw, str):
            told = "is neither a whole number nor an id of the open zone"
            raise AskedError(422, [{"field": "id", "reason": told}])
        typed = pl.Series("id", [raw], dtype=pl.Int64) if number else texts.alias("id")
        return str(opened.made(typed)[0])

    return Ids(whole | text if number else text, made)
