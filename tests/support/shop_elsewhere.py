"""The sample shop kept elsewhere than in the sample, and the features that are made of it."""

import datetime
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import polars as pl
from mlops_kit.data.sources.sample_shop import shop
from running import Project, new_project, replace

SIZE = {"customers": 400, "products": 60, "order_lines": 8000}
TABLES = ("customers", "products", "orders", "oracle")
ANSWERS = {"personal_data": "none"}
Write = Callable[[Path, str, pl.DataFrame], None]


def tables(size: dict[str, int] | None = None) -> dict[str, pl.DataFrame]:
    """Make the tables of the shop, as the sample of the project makes them."""
    made = size or SIZE
    return shop.generate(made["customers"], made["products"], made["order_lines"], 7)


def project_of(
    folder: Path, task: str, size: dict[str, int] | None = None, **answers: Any
) -> Project:
    """Render a project whose sample has this size."""
    project = new_project(folder, ANSWERS | {"task": task} | answers)
    written = ", ".join(f"{key}: {value}" for key, value in (size or SIZE).items())
    sources = project.path / "conf/sources.yaml"
    replace(sources, "customers: 5000, products: 300, order_lines: 60000", written)
    return project


def move(
    project: Project, source: str, of_table: Callable[[str], str], names: Iterable[str] = TABLES
) -> None:
    """Declare that tables are in another source, and of each what `of_table` says."""
    file = project.path / "conf/sources.yaml"
    head, _, rest = file.read_text(encoding="utf-8").partition("\n\ntables:")
    text = f"{head}\n  mine: {source}\n\ntables:{rest}"
    for name in names:
        before, mark, after = text.partition(f"\n  {name}:")
        assert mark, name
        declared = f"source: mine\n{of_table(name)}".rstrip().replace("\n", "\n    ")
        text = before + mark + after.replace("source: shop", declared, 1)
    file.write_text(text, encoding="utf-8", newline="\n")
    compare = project.path / "conf/compare.yaml"  # the oracle knows how the sample was made
    asked = compare.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = "".join(line for line in asked if not line.startswith("oracle:"))
    compare.write_text(kept, encoding="utf-8", newline="\n")


def features(project: Project) -> pl.DataFrame:
    """Read the features table that the pipeline left."""
    return pl.read_parquet(project.path / "data/open/features.parquet")


def written(value: Any) -> str:
    """Write a value as people do in texts."""
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def as_csv(folder: Path, name: str, table: pl.DataFrame) -> None:
    """Write a table as csv, its lists as JSON."""
    lists = [column for column, kind in table.schema.items() if kind == pl.List]
    texts = [pl.Series(one, [json.dumps(v) for v in table[one].to_list()]) for one in lists]
    table.with_columns(texts).write_csv(folder / f"{name}.csv")


def as_json(folder: Path, name: str, table: pl.DataFrame) -> None:
    """Write a table as an array inside a document."""
    rows = json.dumps(table.to_dicts(), default=written, indent=1)
    text = f'{{"table": "{name}", "data": {{"count": {len(table)}, "rows": {rows}}}}}'
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def as_xml(folder: Path, name: str, table: pl.DataFrame) -> None:
    """Write a table as elements: the first column an attribute, the others elements."""
    with (folder / f"{name}.xml").open("w", encoding="utf-16") as out:
        out.write(f'<?xml version="1.0" encoding="UTF-16"?>\n<s:shop xmlns:s="urn:shop"><{name}>\n')
        for row in table.to_dicts():
            (key, first), *others = row.items()
            out.write(f"  <row {key}={quoteattr(written(first))}>")
            for column, value in others:
                for one in value if isinstance(value, list) else [value]:
                    if one is not None:
                        out.write(f"<s:{column}>{escape(written(one))}</s:{column}>")
            out.write("</row>\n")
        out.write(f"</{name}></s:shop>\n")
