"""Files in a bucket of S3, Google Cloud Storage or Azure, brought here before they are read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import field_validator

from mlops_kit.data.sources.fetched import Fetched
from mlops_kit.data.sources.stored import SCHEMES, Stored, bucket_of

if TYPE_CHECKING:
    import polars


class Bucket(Stored, Fetched):
    """A bucket: `path` of a table is an object in it, or a folder of objects of one table."""

    kind: Literal["bucket"]  # type: ignore[assignment]
    address: str | dict[str, str]
    """`s3://`, `gs://` or `azure://` (or `az://`), the bucket, and a folder in it; or one for each
    environment by its name."""

    schemes: ClassVar[tuple[str, ...]] = SCHEMES

    @field_validator("address", mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        if isinstance(given, dict):
            return {name: bucket_of(one) for name, one in given.items()}
        return bucket_of(given)

    def seed(self, source: str, tables: "Mapping[str, polars.DataFrame]") -> None:
        """Write each table as parquet where there is none yet; see `Seeded`."""
        from mlops_kit.data.storage.bringing import put

        put(self, source, tables)


SOURCE = Bucket
