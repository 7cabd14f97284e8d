"""Texts: how long they are, and their vocabulary, on drawn rows."""

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars

MOST_ROWS = 20_000
OFTEN = 5
SHARE = 0.01
SHOWN = 12


def vocabulary(values: "polars.Series") -> dict[str, Any]:
    """Count the words of texts: letters and digits between anything else, in small letters.

    Parameters
    ----------
    values : polars.Series, shape (n,)
        Texts.

    Returns
    -------
    dict
        mean_words of a text, vocabulary (different words), once (share of them that stand once),
        rows (looked at), and words: the commonest of those that many texts have, each with the
        share of texts that have it.
    """
    import polars as pl

    texts = values.drop_nulls().cast(pl.String).head(MOST_ROWS).str.to_lowercase()
    lists = texts.str.extract_all(r"[\p{L}\p{N}]+(?:['’][\p{L}]+)?")
    if not len(lists):
        return {}
    counts: Counter[str] = Counter(dict(lists.explode().drop_nulls().value_counts().iter_rows()))
    found: dict[str, Any] = {
        "rows": len(lists),
        "mean_words": lists.list.len().mean(),
        "vocabulary": len(counts),
        "once": sum(count == 1 for count in counts.values()) / max(len(counts), 1),
    }
    if counts:
        per_text = lists.list.unique().explode().drop_nulls().value_counts(sort=True)
        least = max(OFTEN, SHARE * len(lists))
        rows = [(word, count) for word, count in per_text.head(200).iter_rows() if count >= least]
        rows.sort(key=lambda row: (-row[1], row[0]))
        found["words"] = [[word, count / len(lists)] for word, count in rows[:SHOWN]]
    return found
