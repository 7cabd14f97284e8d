"""The page of the manifest: how many files, of what types and sizes, and which cannot be used."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from mlops_kit.compare.profile.bars import bars
from mlops_kit.compare.profile.page import number
from mlops_kit.compare.report.page import template_in
from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import write_text
from mlops_kit.core.settings import load_settings
from mlops_kit.core.words import counted
from mlops_kit.data.media.manifest import manifest

if TYPE_CHECKING:
    import polars

# How many a list of the page names; the manifest has all.
MOST_FILES, MOST_KINDS = 200, 12
BINS = 30
UNITS = {"bytes": "bytes", "seconds": "seconds", "pages": "pages"}
SIDE = 320  # of the drawing of sizes
OK = "ok"


def looked_at() -> dict[str, Any]:
    """Count what the manifest says, table by table.

    Returns
    -------
    dict
        `place`, and `tables`: of each its files, how many cannot be used, states, types, sizes of
        pictures, distributions, and the files to look at.

    Raises
    ------
    MlopsError
        When there is no manifest yet.
    """
    import polars as pl

    place = manifest()
    if not place.is_file():
        raise MlopsError(
            f"{place.as_posix()} does not exist: `uv run mlops data ingest` writes it when it "
            "reads a source of pictures, PDF, audio or video."
        )
    rows = pl.read_parquet(place)
    tables = [_of_table(part) for part in rows.partition_by("source", "table")]
    return {"place": place.as_posix(), "tables": tables}


def _of_table(rows: "polars.DataFrame") -> dict[str, Any]:
    import polars as pl

    mine = rows.filter(pl.col("kind").is_not_null())
    bad, well = mine.filter(pl.col("state") != OK), mine.filter(pl.col("state") == OK)
    sized = mine.filter(pl.col("width").is_not_null())
    names = ("path", "type", "bytes", "state")
    return {
        "table": rows["table"][0],
        "source": rows["source"][0],
        "files": len(mine),
        "bytes": int(mine["bytes"].sum()),
        "bad": len(bad),
        "states": _counts(mine, "state"),
        "types": _counts(mine.with_columns(pl.col("type").fill_null("not opened")), "type"),
        "codecs": _counts(mine.filter(pl.col("codec").is_not_null()), "codec"),
        "sizes": _counts(sized.with_columns(size=pl.format("{} × {}", "width", "height")), "size"),
        "dimensions": sized.group_by("width", "height").len().sort("width", "height").rows(),
        "spread": {name: one for name in UNITS if (one := _spread(well[name].drop_nulls()))},
        "gps": int(mine["gps"].sum() or 0),
        "personal": int(mine["personal"].is_not_null().sum()),
        "misnamed": mine.filter("misnamed").select(names).head(MOST_FILES).rows(),
        "unusable": bad.select(names).head(MOST_FILES).rows(),
        "other": rows.filter(pl.col("kind").is_null()).select(names).head(MOST_FILES).rows(),
        "others": len(rows) - len(mine),
    }


def _counts(rows: "polars.DataFrame", column: str) -> list[tuple[str, int]]:
    found = rows.group_by(column).len().sort("len", column, descending=[True, False])
    return [(str(name), count) for name, count in found.rows()]


def _spread(values: "polars.Series") -> dict[str, Any] | None:
    """Count values in bins of equal width, and name the smallest, middle and largest."""
    import numpy as np

    if not len(values):
        return None
    counts, edges = np.histogram(values.to_numpy(), bins=BINS)
    return {
        "counts": counts.tolist(),
        "smallest": values.min(),
        "middle": values.median(),
        "largest": values.max(),
        "edges": [float(edges[0]), float(edges[-1])],
    }


def write(found: dict[str, Any]) -> Path:
    """Write the page beside the manifest; it asks nothing of the network and runs no script."""
    bad = sum(one["bad"] for one in found["tables"])
    text = template_in(Path(__file__).parent).render(
        word=f"{counted(bad, 'file')} cannot be used" if bad else "Every file can be used",
        colour="inconclusive" if bad else "promote",
        project=load_settings().project,
        place=found["place"],
        tables=[_shown(one) for one in found["tables"]],
        most=MOST_FILES,
    )
    page = manifest().with_suffix(".html")
    write_text(page, text)
    return page


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    """Put what was counted of a table into the words and drawings of the page."""
    return {
        **one,
        "said": f"{counted(one['files'], 'file')}, {size_of(one['bytes'])}",
        "levels": {
            "How they are": _levels(one["states"], one["files"]),
            "Types": _levels(one["types"], one["files"]),
            "Codecs": _levels(one["codecs"], one["files"]),
            "Width × height": _levels(one["sizes"], one["files"]),
        },
        "drawing": _drawing(one["dimensions"]) if len(one["dimensions"]) > 1 else None,
        "cards": [
            {
                "name": name,
                "svg": bars(spread["counts"], f"Distribution of {name}"),
                "ends": [_value(name, spread["edges"][0]), _value(name, spread["edges"][1])],
                "facts": [
                    (fact, _value(name, spread[fact])) for fact in ("smallest", "middle", "largest")
                ],
            }
            for name, spread in one["spread"].items()
        ],
        "lists": [
            (title, [["file", "type", "size", "state"], *map(_row, files)])
            for title, files in (
                ("Cannot be used", one["unusable"]),
                ("Named as another type than they are", one["misnamed"]),
                ("In the folder, and not of this kind", one["other"]),
            )
            if files
        ],
    }


def _levels(counts: list[tuple[str, int]], of: int) -> list[dict[str, Any]]:
    shown = [(name, count, False) for name, count in counts[:MOST_KINDS]]
    if rest := counts[MOST_KINDS:]:
        shown.append((f"{len(rest):,} others", sum(count for _, count in rest), True))
    return [
        {"name": name, "count": f"{count:,}", "percent": 100 * count / of, "rest": is_rest}
        for name, count, is_rest in shown
    ]


def _drawing(dimensions: list[tuple[int, int, int]]) -> Markup:
    """Draw width against height, a circle for each size, its area by how many files have it."""
    widest = max(width for width, _, _ in dimensions)
    highest = max(height for _, height, _ in dimensions)
    most = max(count for _, _, count in dimensions)
    circles = "".join(
        f'<circle cx="{30 + width / widest * (SIDE - 50):.1f}" '
        f'cy="{SIDE - 30 - height / highest * (SIDE - 50):.1f}" '
        f'r="{2 + 12 * (count / most) ** 0.5:.1f}"/>'
        for width, height, count in dimensions[:2_000]
    )
    return Markup(
        f'<svg class="sizes" role="img" aria-label="Width against height" '
        f'viewBox="0 0 {SIDE} {SIDE}"><path d="M30 10V{SIDE - 30}H{SIDE - 10}"/>{circles}'
        f'<text x="{SIDE - 10}" y="{SIDE - 10}" text-anchor="end">width, to {widest:,}</text>'
        f'<text x="30" y="{SIDE - 10}">0</text>'
        f'<text x="36" y="18">height, to {highest:,}</text></svg>'
    )


def _value(name: str, value: float) -> str:
    return size_of(value) if name == "bytes" else number(value)


def _row(row: tuple[str, str | None, int, str]) -> list[str]:
    path, kind, size, state = row
    return [path, kind or "", size_of(size), state]


def size_of(count: float) -> str:
    """Write a number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:,.1f} {unit}"
        count /= 1000
    return ""


def said(found: dict[str, Any]) -> Iterator[str]:
    """Say in a few lines what the page shows."""
    for one in found["tables"]:
        bad = f", {one['bad']:,} cannot be used" if one["bad"] else ""
        yield f"{one['table']:<10} {counted(one['files'], 'file')}, {size_of(one['bytes'])}{bad}"
        for state, count in one["states"]:
            if state != OK:
                yield f"  {count:>8,} {state}"
        for name in ("misnamed", "others", "gps", "personal"):
            count = one[name] if isinstance(one[name], int) else len(one[name])
            if count:
                yield f"  {count:>8,} {SAID[name]}"


SAID = {
    "misnamed": "named as another type than they are",
    "others": "in the folder, not of this kind, and not read",
    "gps": "with the place where it was made (GPS)",
    "personal": "with tags that may say whose it is",
}
