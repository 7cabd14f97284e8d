"""What a request may hold, by contract, and how it becomes a row of features."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from mlops_kit.core.errors import MlopsError
from mlops_kit.data.config import Sources
from mlops_kit.operate.serve.config import SERVE_FILE, Serve
from mlops_kit.operate.serve.request.fields import (
    MOST_ITEMS,
    MOST_NUMBER,
    WHOLE,
    contract_of,
    kind_of,
    mapping,
    optional,
)
from mlops_kit.operate.serve.request.ids import AskedError, ids_of
from mlops_kit.operate.serve.served import Served
from mlops_kit.operate.serve.snapshot import ANY, Snapshot

if TYPE_CHECKING:
    pass

MOST_TOLD = 10
STRICT_VALUES = ConfigDict(strict=True)


class Row(NamedTuple):
    """One row of a request: its features by the names of a model, and what is known of it."""

    id: Any
    """As the open zone has it; None where the request names none."""
    horizon: int | None
    values: list[Any]
    known: bool
    """Whether the snapshot has the entity, where it was asked."""
    given: dict[str, Any]
    exclude: list[Any]


class Reader:
    """Read requests of one model: check them, and add what the snapshot knows.

    Attributes
    ----------
    stale : bool
        Whether the snapshot is older than it may be.
    """

    def __init__(
        self, config: Serve, model: Served, snapshot: Snapshot | None, sources: Sources
    ) -> None:
        """Make the schema; refuse a snapshot of other features than the model learned from."""
        self.config, self.model, self.snapshot = config, model, snapshot
        training = model.scorer.config["training"]
        self.names = model.names
        self.horizons: list[int] | None = training.get("horizons")
        source = config.features.source
        own = [name for name in self.names if name != "horizon"]
        if unknown := [name for name in config.features.given if name not in own]:
            raise MlopsError(
                f'{SERVE_FILE.as_posix()}: features.given names "{unknown[0]}", which version '
                f"{model.number} did not learn from: it knows {', '.join(own)}."
            )
        if config.exclude is not None and config.exclude not in own:
            raise MlopsError(
                f'{SERVE_FILE.as_posix()}: exclude names "{config.exclude}", which is no feature '
                f"of version {model.number}."
            )
        self.given = own if source == "request" else config.features.given
        if snapshot is not None:
            _refuse_another(snapshot, model)
            self._order = [snapshot.names.index(name) for name in self.names]
        self._horizon = self.names.index("horizon") if "horizon" in self.names else None
        self._exclude = None if config.exclude is None else self.names.index(config.exclude)
        self._refused = snapshot is not None and config.features.new == "refuse"
        self._ids = ids_of(sources, training["keys"]["id"])
        self.example = self._example_id()
        fields = {name: self._field(name, sources) for name in self.given}
        row = self._row(fields, source)
        self.one: TypeAdapter[dict[str, Any]] = TypeAdapter(row)
        rows = {"rows": Annotated[list[row], Field(min_length=1)]}  # type: ignore[valid-type]
        self.many: TypeAdapter[dict[str, Any]] = TypeAdapter(mapping("Batch", rows))
        self._rows = config.limits.rows

    @property
    def stale(self) -> bool:
        """Whether the snapshot is older than it may be."""
        most = self.config.features.max_age_hours
        return self.snapshot is not None and self.snapshot.is_stale(most)

    def read(self, body: bytes, batch: bool) -> list[dict[str, Any]]:
        """Read the rows of a body.

        Raises
        ------
        AskedError
            422 with field and reason, or 413 for too many rows; no value of the body is repeated.
        """
        try:
            if not batch:
                return [self.one.validate_json(body)]
            rows = self.many.validate_json(body)["rows"]
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False, include_context=False)
            raise AskedError(422, [_told(one) for one in found[:MOST_TOLD]]) from None
        if len(rows) > self._rows:
            raise AskedError(413, [{"field": "rows", "reason": f"more than {self._rows:,} rows"}])
        return rows

    def rows(self, asked: list[dict[str, Any]]) -> list[Row]:
        """Add what the snapshot knows.

        Raises
        ------
        AskedError
            404 where an entity is not in it, 503 where it is stale and this is refused.
        """
        if self.snapshot is not None and self.config.features.stale == "refuse" and self.stale:
            raise AskedError(503, [{"field": "id", "reason": "the snapshot of features is stale"}])
        ids, features = self._found([one.get("id") for one in asked])
        several = len(asked) > 1
        return [
            self._composed(one, id_, features, f"rows.{place}." if several else "")
            for place, (one, id_) in enumerate(zip(asked, ids, strict=True))
        ]

    def _composed(
        self,
        one: dict[str, Any],
        id_: Any,
        features: dict[tuple[Any, int], list[Any]],
        where: str,
    ) -> Row:
        given, horizon = one.get("features", {}), one.get("horizon")
        if horizon is not None and self.horizons and horizon not in self.horizons:
            told = f"is none of {', '.join(map(str, self.horizons))}"
            raise AskedError(422, [{"field": f"{where}horizon", "reason": told}])
        exclude = list(one.get("exclude", []))
        base = features.get((id_, ANY if horizon is None else horizon))
        known = base is not None
        if not known and self._refused:
            told = "is not in the snapshot of features"
            raise AskedError(404, [{"field": f"{where}id", "reason": told}])
        if base is not None:
            values = [base[place] for place in self._order]
            for place, name in enumerate(self.names):
                if name in given:
                    values[place] = given[name]
        else:
            always = {} if self.snapshot is None else self.snapshot.facts["constant"]
            values: list[Any] = [
                given[name] if name in given else always.get(name, self._nothing(place))
                for place, name in enumerate(self.names)
            ]
            if self._horizon is not None:
                values[self._horizon] = horizon
        if self._exclude is not None:
            exclude += list(values[self._exclude] or [])
        return Row(id_, horizon, values, known, given, exclude)

    def _found(self, asked: list[Any]) -> tuple[list[Any], dict[tuple[Any, int], list[Any]]]:
        """Return ids as the open zone has them, and the features of those that have some."""
        if self.snapshot is None:
            return [None if raw is None else self._ids(raw) for raw in asked], {}
        found = self.snapshot.rows([raw for raw in asked if isinstance(raw, str)])
        there = {id_ for id_, _ in found}
        # What the snapshot has is an id of the open zone; others may be raw.
        ids = [raw if raw in there else self._ids(raw) for raw in asked]
        found |= self.snapshot.rows([id_ for id_ in dict.fromkeys(ids) if id_ not in there])
        return ids, found

    def _nothing(self, place: int) -> Any:
        return [] if "list" in str(self.model.schema.field(place).type) else None

    def _example_id(self) -> int | str:
        """Return an id that a request may have: of the snapshot, where ids stand for no people."""
        if self.snapshot is not None and not self._ids.people:
            return self.snapshot.any_id()
        try:
            return int(TypeAdapter(self._ids.kinds, config=STRICT_VALUES).validate_python(17))
        except ValidationError:
            return "17"

    def _row(self, fields: dict[str, Any], source: str) -> Any:
        kinds = self._ids.kinds
        id_ = Annotated[
            kinds, Field(description="Whom or what is asked about.", examples=[self.example])
        ]
        items: dict[str, Any] = {"id": optional(id_) if source == "request" else id_}
        if fields:
            features = mapping("Features", fields)
            needed = any(NotRequired is not getattr(each, "__origin__", None) for each in
                         fields.values())  # fmt: skip
            items["features"] = features if needed else optional(features)
        if self.horizons:
            items["horizon"] = Annotated[int, WHOLE]
        if self.model.scorer.config["task"] == "recommendation":
            told = Field(max_length=MOST_ITEMS, description="Items that are not recommended.")
            items["exclude"] = optional(Annotated[list[Annotated[int, WHOLE] | str], told])
        return mapping("Row", items)

    def _field(self, name: str, sources: Sources) -> Any:
        """Say what a feature of a request may be: as its contract has it, or as training saw it."""
        seen = self.model.scorer.config["training"]["seen"].get(name, {})
        contract = contract_of(name, sources)
        kind = kind_of(self.model.schema.field(name).type, contract)
        nullable = seen.get("missing", 0) > 0 if contract is None else contract.nullable
        return optional(kind | None) if nullable else kind


def _told(one: Mapping[str, Any]) -> dict[str, str]:
    field = ".".join(str(part)[:60] for part in one["loc"])
    reason = str(one["msg"]).replace(f"{MOST_NUMBER:.0f}", f"{MOST_NUMBER:g}")
    return {"field": field[:200] or "body", "reason": reason[:300]}


def _refuse_another(snapshot: Snapshot, model: Served) -> None:
    training = model.scorer.config["training"]
    if snapshot.facts["features_sql"] != training["features_sql"] or not set(model.names) <= set(
        snapshot.names
    ):
        raise MlopsError(
            f"The snapshot holds other features than version {model.number} learned from: write it "
            "again with `uv run mlops snapshot`, of the same features.py."
        )
