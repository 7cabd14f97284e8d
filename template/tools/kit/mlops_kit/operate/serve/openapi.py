"""The description of the interface, made of what the model learned from and of the contracts."""

from typing import TYPE_CHECKING, Any

from mlops_kit.core.settings import Settings
from mlops_kit.operate.serve.config import Serve
from mlops_kit.operate.serve.served import Served, probes

if TYPE_CHECKING:
    from mlops_kit.operate.serve.state import State

STATUSES = {
    "401": "A key is needed: `Authorization: Bearer KEY`, or `X-API-Key: KEY`.",
    "404": "The entity is not in the snapshot of features.",
    "408": "The body did not come in time.",
    "413": "The body, or the batch, is too large.",
    "422": "A field is wrong; `detail` says which, and why.",
    "429": "Too many requests at once; Retry-After says when to come back.",
    "503": "No model answers, or features are stale; Retry-After says when to come back.",
}
LATER = ("429", "503")


def described(settings: Settings, state: "State", config: Serve) -> dict[str, Any]:
    """Return the interface as OpenAPI 3.1."""
    model = state.models["model"]
    reader = state.reader
    one, many = (
        adapter.json_schema(ref_template="#/components/schemas/" + part + "_{model}")
        for adapter, part in ((reader.one, "one"), (reader.many, "many"))
    )
    schemas: dict[str, Any] = {}
    for schema, part in ((one, "one"), (many, "many")):
        for name, content in schema.pop("$defs", {}).items():
            schemas[f"{part}_{name}"] = content
    answer = _answer(model)
    shared = {
        "request_id": {"type": "string"},
        "as_of": {"type": ["string", "null"], "description": "Time of the features."},
        "stale": {"type": "boolean", "description": "Whether the features are too old."},
    }
    schemas |= {
        "Asked": one,
        "Batch": many,
        "Answer": {"type": "object", "properties": {**shared, **answer}},
        "Answers": {
            "type": "object",
            "properties": {
                **shared,
                "rows": {"type": "array", "items": {"type": "object", "properties": answer}},
            },
        },
        "Refused": {
            "type": "object",
            "properties": {
                "request_id": {"type": "string"},
                "detail": {"type": "array", "items": {"type": "object", "properties": {
                    "field": {"type": "string"}, "reason": {"type": "string"}}}},
            },
        },
    }  # fmt: skip
    example = _example(state)
    paths: dict[str, Any] = {
        "/predict": {"post": _operation(settings, "predict", "Asked", "Answer", example)},
        "/predict/batch": {
            "post": _operation(settings, "predict_batch", "Batch", "Answers", {"rows": [example]})
        },
    }
    for path, what in (("/health", "Is the process there?"), ("/ready", "Are requests answered?"),
                       ("/metrics", "Figures for Prometheus.")):  # fmt: skip
        operation: dict[str, Any] = {"summary": what, "operationId": path.strip("/")}
        operation["responses"] = {"200": {"description": "Yes."}}
        if path == "/ready":
            operation["responses"]["503"] = {"description": "No."}
        operation["security"] = [] if path != "/metrics" else [{"key": []}]
        paths[path] = {"get": operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": settings.project, "version": model.number},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}] if config.require_key else [],
    }


def _operation(
    settings: Settings, name: str, asked: str, answered: str, example: dict[str, Any]
) -> dict[str, Any]:
    def content(schema: str, **more: Any) -> dict[str, Any]:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}, **more}}

    later = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    refused = {
        status: {"description": what, "content": content("Refused")}
        | ({"headers": later} if status in LATER else {})
        for status, what in STATUSES.items()
    }
    return {
        "summary": f"Predict: {settings.business_metric}",
        "operationId": name,
        "requestBody": {"required": True, "content": content(asked, example=example)},
        "responses": {
            "200": {"description": "Answered.", "content": content(answered)},
            **refused,
        },
    }


def _answer(model: Served) -> dict[str, Any]:
    config = model.scorer.config
    number: dict[str, Any] = {"type": "number"}
    told: dict[str, Any] = {"version": {"type": "string"}, "answered_by": {"type": "string"}}
    told["known"] = {"type": "boolean", "description": "Whether the snapshot has the entity."}
    if classes := config.get("classes"):
        scores = {str(one): number for one in classes}
        return {"scores": {"type": "object", "properties": scores}, **told}
    if config["task"] == "recommendation":
        return {"items": {"type": "array", "items": {}}, **told}
    if config["task"] == "regression":
        return {"prediction": number, **told}
    return {"score": {"type": "number", "minimum": 0, "maximum": 1}, **told}


def _example(state: "State") -> dict[str, Any]:
    """Make a request of usual values, about nobody."""
    model, reader = state.models["model"], state.reader
    usual = dict(zip(model.names, next(iter(probes(model))), strict=True))
    found: dict[str, Any] = {}
    if state.snapshot is not None:
        found["id"] = reader.example
    if reader.given:
        found["features"] = {name: usual[name] for name in reader.given}
    if reader.horizons:
        found["horizon"] = reader.horizons[0]
    return found
