"""DynamoDB: all items of a table, by consistent scans, page by page."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.sources import objects
from mlops_kit.data.sources.base import NOT_IN, Broken, Landed, Looked, Wanted
from mlops_kit.data.sources.declared import asked_columns
from mlops_kit.data.sources.missing import missing_group

if TYPE_CHECKING:
    from mlops_kit.data.config import Table

SECONDS = 10
# What AWS calls a user who may not enter, one who may not do this, and what may pass.
UNKNOWN = ("UnrecognizedClientException", "InvalidSignatureException", "InvalidClientTokenId",
           "IncompleteSignature", "MissingAuthenticationToken",
           "ExpiredTokenException")  # fmt: skip
NOT_PERMITTED = ("AccessDeniedException",)
BUSY = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded",
        "InternalServerError", "ServiceUnavailable")  # fmt: skip


class Dynamodb(Landed):
    """Tables of DynamoDB: `path` is one, and the address names its region.

    `dynamodb://KEY_ID@eu-west-1` with the secret access key as password; without both, whatever
    role this machine has.
    """

    kind: Literal["dynamodb"]  # type: ignore[assignment]
    endpoint: str | None = None
    """Where it listens, if not at AWS."""
    batch: int = Field(1_000, ge=1)
    """Items of a page; DynamoDB gives a megabyte at most."""

    schemes: ClassVar[tuple[str, ...]] = ("dynamodb",)

    @contextlib.contextmanager
    def connected(self, name: str, table: "Table") -> "Iterator[Reader]":
        """Open a connection for one table; see `Landed`."""
        if table.path is None:
            raise MlopsError(
                f"{name} of {table.source}: a query is not taken by DynamoDB; name a table as path."
            )
        with self.opened(table.source) as client:
            yield Reader(self, client, name, table)

    @contextlib.contextmanager
    def opened(self, source: str) -> Iterator[Any]:
        """Open a client, and make sentences of what the driver raises."""
        try:
            import boto3
            from botocore import config, exceptions
        except ImportError:
            raise missing_group(self.kind, "dynamodb") from None
        place, secret, shown = urlsplit(self.here(source)), self.secret(source), self.shown(source)
        user, _, region = place.netloc.rpartition("@")
        if bool(user) != (secret is not None):
            raise MlopsError(
                f"{shown} needs the id of an access key in its address, as in "
                "dynamodb://KEY_ID@eu-west-1, and its secret as password; or neither of them."
            )
        try:
            session = boto3.session.Session(user or None, secret, region_name=region)
            client = session.client(
                "dynamodb",
                endpoint_url=self.endpoint,
                config=config.Config(
                    connect_timeout=SECONDS,
                    read_timeout=6 * SECONDS,
                    retries={"mode": "standard", "max_attempts": 3},
                ),
            )
            yield client
        except exceptions.ClientError as error:
            raise self._refusal(source, error.response.get("Error", {})) from None
        except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
            why = "does not let this user in: name an access key and its secret"
            raise self.sentence(source, why, str(error)) from None
        except (exceptions.NoRegionError, exceptions.InvalidRegionError, ValueError) as error:
            raise MlopsError(f"{shown} is no address of DynamoDB ({error}).") from None
        except (exceptions.HTTPClientError, exceptions.BotoCoreError) as error:
            raise self.sentence(source, None, str(error)) from None

    def _refusal(self, source: str, error: Mapping[str, Any]) -> MlopsError:
        code, said = str(error.get("Code")), str(error.get("Message", ""))
        if code in UNKNOWN:
            return self.sentence(source, NOT_IN, code)
        if code in NOT_PERMITTED:
            return self.sentence(source, "does not permit it: ask for dynamodb:Scan", said)
        if code == "ResourceNotFoundException":
            why = "has no such table: correct `path`, or the region"
            return self.sentence(source, why, said)
        if code in BUSY:
            return Broken(f"{self.shown(source)} is busy ({code})")
        return self.sentence(source, "refuses", f"{code}: {said}")

    def examined(self, name: str) -> Iterator[Looked]:
        """Look at the connection; AWS does not tell what a key permits, nor the time."""
        with self.opened(name) as client:
            client.list_tables(Limit=1)
            yield Looked("connection", True, f"{self.shown(name)} answers")
            said = "AWS does not tell; the key needs dynamodb:Scan and dynamodb:DescribeTable alone"
            yield Looked("permission", True, said)


class Reader(objects.Reader):
    """An open connection for one table; see `Connection`."""

    def __init__(self, source: Dynamodb, client: Any, name: str, table: "Table") -> None:
        super().__init__(source, name, table)
        self.client = client

    def found(self, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
        """Scan page after page."""
        from boto3.dynamodb.types import TypeDeserializer

        python = TypeDeserializer().deserialize
        first = list(dict.fromkeys(name.split(".")[0] for name in asked_columns(self.table)))
        names = {f"#c{at}": name for at, name in enumerate(first)}
        request: dict[str, Any] = {
            "TableName": self.table.path,
            "ConsistentRead": True,
            "Limit": self.size,
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }
        while True:
            page = self.client.scan(**request)
            for item in page["Items"]:
                yield {name: objects.deeply(python(one), _plain) for name, one in item.items()}
            if not page.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _plain(value: Any) -> Any:
    """Turn boto3's own type of bytes into that of Python."""
    return value.value if type(value).__name__ == "Binary" else value


SOURCE = Dynamodb
