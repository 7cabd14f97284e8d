"""Files in a bucket of S3, Google Cloud Storage or Azure, brought here before they are read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import field_validator

from mlops_kit.core.settings import SECRET
from mlops_kit.data.sources.base import Secret
from mlops_kit.data.sources.fetched import Fetched

if TYPE_CHECKING:
    import polars


class Bucket(Fetched):
    """A bucket: `path` of a table is an object in it, or a folder of objects of one table."""

    kind: Literal["bucket"]  # type: ignore[assignment]
    address: str | dict[str, str]
    """`s3://`, `gs://` or `azure://`, the bucket, and a folder in it; or one for each environment
    by its name."""
    user: str | None = None
    """Id of an access key of S3, or account of Azure; without it the library's own variables say
    who signs in."""
    password: Secret | None = None
    """Where its secret stands, `{env: NAME}` or `{file: NAME}`: the key of S3 or Azure, a
    connection string of Azure; of Google the path of a file of credentials."""
    options: dict[str, str | int | bool] = {}
    """What DVC calls them for a remote of this kind: `endpointurl`, `region`, `profile`, ..."""

    schemes: ClassVar[tuple[str, ...]] = ("s3", "gs", "azure")

    @field_validator("address", mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        for one in given.values() if isinstance(given, dict) else [given]:
            place = urlsplit(one) if isinstance(one, str) else None
            if place is None or place.scheme not in cls.schemes or not place.netloc:
                raise ValueError("an address of this kind is s3://, gs:// or azure:// and a bucket")
            if "@" in place.netloc or place.query:
                raise ValueError(
                    "who signs in does not belong into the address: write user: and password: "
                    "{env: NAME} beside it"
                )
        return given

    @field_validator("options")
    @classmethod
    def _no_secret(cls, given: dict[str, Any]) -> dict[str, Any]:
        if found := [name for name in SECRET if name in given]:
            raise ValueError(f"{found[0]} does not belong into git: write it as `password`")
        return given

    def secret(self, name: str) -> str | None:
        """Return the secret, if one is declared."""
        return None if self.password is None else self.password.read(name)

    def seed(self, source: str, tables: "Mapping[str, polars.DataFrame]") -> None:
        """Write each table as parquet where there is none yet; see `Seeded`."""
        from mlops_kit.data.storage.bringing import put

        put(self, source, tables)


SOURCE = Bucket
