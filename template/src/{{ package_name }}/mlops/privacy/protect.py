"""The protect stage: only columns named in conf/privacy.yaml reach the open zone, ids as tokens."""

from ..data.ingest import ENTITIES, store_tables
from ..data.sources import load_sources
from ..errors import MlopsError
from ..settings import OPEN_ZONE
from .keys import privacy_key
from .policy import PRIVACY_FILE, RESTRICTED_ZONE, load_privacy
from .policy_schema import ColumnPolicy
from .tokens import token


def protect() -> str:
    """Write the protected form of every restricted table to the open zone.

    Returns
    -------
    str
        One line about what passed.
    """
    import polars as pl

    sources = load_sources()
    policy = load_privacy(sources)
    key = privacy_key(sources)
    entity = sources.entity
    entity_policy = policy.columns.get(f"{entity.table}.{entity.column}")
    if entity_policy is None:
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()} must name {entity.table}.{entity.column}: "
            "predictions are about it, so that it has to pass, as a token."
        )
    opened: dict[str, pl.DataFrame] = {}
    for name in [*sources.tables, ENTITIES]:
        file = RESTRICTED_ZONE / "tables" / f"{name}.parquet"
        if not file.is_file():
            raise MlopsError(f"{file.as_posix()} does not exist; run `uv run mlops run` first.")
        frame = pl.read_parquet(file)
        rules = {column: policy.columns.get(f"{name}.{column}") for column in frame.columns}
        if name == ENTITIES:
            rules = {"held_out": ColumnPolicy(action="keep"), entity.column: entity_policy}
        passing = {}
        for column, rule in rules.items():
            if rule is not None and rule.action == "keep":
                passing[column] = frame[column]
            elif rule is not None:
                passing[column] = token(frame[column], key, rule.domain or column)
        if passing:
            tokens = [column for column, rule in rules.items() if rule and rule.action == "token"]
            opened[name] = pl.DataFrame(passing)
            if tokens:  # in the order of the source, a row's place would tell whose it is
                opened[name] = opened[name].sort(tokens, maintain_order=True)
    store_tables(opened, OPEN_ZONE / "tables")
    tokens = sum(rule.action == "token" for rule in policy.columns.values())
    dropped = sum(len(table.columns) for table in sources.tables.values()) - len(policy.columns)
    return f"{len(policy.columns)} columns pass ({tokens} as tokens), {dropped} stay behind"
