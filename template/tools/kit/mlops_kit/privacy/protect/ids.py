"""Ids of the entity that come from outside, as the open zone has them: the same tokens."""

from typing import TYPE_CHECKING

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.zones import RESTRICTED_ZONE
from mlops_kit.data.config import Sources
from mlops_kit.data.ingest import ENTITIES
from mlops_kit.privacy.policy.load import PRIVACY_FILE, load_privacy
from mlops_kit.privacy.protect.keys import key_id, privacy_key
from mlops_kit.privacy.protect.stage import treat, treatments
from mlops_kit.room import OpenIds

if TYPE_CHECKING:
    import polars


def open_ids(sources: Sources) -> OpenIds | None:
    """Give what treats ids as the protect stage treats the entity's column.

    Returns
    -------
    OpenIds or None
        None where the column passes as it is, or nothing is protected.

    Raises
    ------
    MlopsError
        When there is no key, or the column does not reach the open zone.
    """
    import polars as pl

    if not PRIVACY_FILE.is_file():
        return None
    policy, column = load_privacy(sources), sources.entity.column
    source = RESTRICTED_ZONE / "tables" / f"{ENTITIES}.parquet"
    plan = {one.column: one for one in treatments(ENTITIES, source, sources, policy)}
    if column not in plan:
        raise MlopsError(
            f"{PRIVACY_FILE.as_posix()} keeps {sources.entity.table}.{column}, the entity, out of "
            "the open zone, so that no row can be scored; let it pass as a token."
        )
    if plan[column].rule.action == "keep":
        return None
    key = privacy_key(sources, policy)

    def made(values: "polars.Series") -> "polars.Series":
        return treat(pl.DataFrame({column: values}), plan[column], key).alias(values.name)

    def is_one(texts: "polars.Series") -> "polars.Series":
        token, cipher = "-[0-9a-f]{32}", r"\.[A-Za-z0-9_-]+=*"
        return texts.str.contains(f"^{key_id(key)}({token}|{cipher})$").fill_null(False)

    return OpenIds(made, is_one)
