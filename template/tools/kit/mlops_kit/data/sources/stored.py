"""What a source says of a bucket: its address, who signs in, and how it is reached."""

from typing import Any
from urllib.parse import urlsplit

from pydantic import field_validator

from mlops_kit.core.settings import SECRET, Section
from mlops_kit.data.sources.base import Secret

SCHEMES = ("s3", "gs", "azure", "az")


class Stored(Section):
    """A source whose data may lie in a bucket."""

    user: str | None = None
    """Id of an access key of S3, or account of Azure; without it the library's own variables say
    who signs in."""
    password: Secret | None = None
    """Where its secret stands, `{env: NAME}` or `{file: NAME}`: the key of S3 or Azure, a
    connection string of Azure; of Google the path of a file of credentials."""
    options: dict[str, str | int | bool] = {}
    """What DVC calls them for a remote of this kind: `endpointurl`, `region`, `profile`, ..."""

    @field_validator("options")
    @classmethod
    def _no_secret(cls, given: dict[str, Any]) -> dict[str, Any]:
        if found := [name for name in SECRET if name in given]:
            raise ValueError(f"{found[0]} does not belong into git: write it as `password`")
        return given

    def secret(self, name: str) -> str | None:
        """Return the secret, if one is declared."""
        return None if self.password is None else self.password.read(name)


def bucket_of(given: Any) -> str:
    """Check the address of a bucket, and write it as DVC does.

    Raises
    ------
    ValueError
        When it is none, or says who signs in.
    """
    place = urlsplit(given) if isinstance(given, str) else None
    if place is None or place.scheme not in SCHEMES or not place.netloc:
        raise ValueError("an address of this kind is s3://, gs:// or azure:// and a bucket")
    if "@" in place.netloc or place.query:
        raise ValueError(
            "who signs in does not belong into the address: write user: and password: "
            "{env: NAME} beside it"
        )
    return f"azure{given[2:]}" if place.scheme == "az" else str(given)
