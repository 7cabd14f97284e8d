"""What conf/serve.yaml may say: models, features, limits, the log, and who may ask."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.settings import Section, read_config

SERVE_FILE = Path("conf/serve.yaml")


class Canary(Section):
    """A second model that answers a share of the entities."""

    alias: str = "challenger"
    """Alias of the registered version."""
    weight: float = Field(0.05, gt=0, lt=1)
    """Share of the entities that it answers; the same entity is always on the same side."""


class Shadow(Section):
    """A second model that is asked about the same rows, and whose answers nobody sees."""

    alias: str = "challenger"
    """Alias of the registered version."""
    share: float = Field(1.0, gt=0, le=1)
    """Share of the requests that it is asked about."""


class Features(Section):
    """Where the features of a row come from."""

    source: Literal["snapshot", "request", "both"] = "snapshot"
    """`snapshot`: by the id, from what `mlops snapshot` wrote; `request`: all in the request;
    `both`: those of `given` in the request, the others from the snapshot."""
    given: list[str] = []
    """With `both`: features that are the request's own."""
    max_age_hours: float | None = Field(36, gt=0)
    """A snapshot as of an earlier time is stale; null: it never is."""
    stale: Literal["refuse", "tell"] = "refuse"
    """What happens with a stale snapshot: 503, or an answer that says `stale`."""
    new: Literal["refuse", "answer"] = "refuse"
    """What happens with an entity that the snapshot does not have: 404, or an answer from what the
    request gives and what is true of every row of the snapshot, such as the season."""

    @model_validator(mode="after")
    def _fits(self) -> "Features":
        if (self.source == "both") != bool(self.given):
            raise ValueError("`given` names features of the request exactly when source is both")
        return self


class Limits(Section):
    """What one server takes on; beyond it a caller is told to come back."""

    body_bytes: int = Field(1_000_000, ge=1_000)
    """Largest body of a request; a larger one: 413."""
    rows: int = Field(1_000, ge=1)
    """Most rows of a batch; more: 413."""
    concurrency: int = Field(64, ge=1)
    """Requests at work at once in a worker; more: 429 with Retry-After."""
    seconds: float = Field(1.0, gt=0)
    """In which a model must answer; later, the fall-back does."""
    body_seconds: float = Field(10.0, gt=0)
    """In which the body of a request must have come; later: 408."""
    shutdown_seconds: int = Field(20, ge=1)
    """What requests at work are given when the server is stopped."""


class Log(Section):
    """The log of predictions in data/open/served."""

    features: bool = True
    """Whether it holds the features, which monitoring needs."""
    sample: float = Field(1.0, gt=0, le=1)
    """Share of the entities whose features it holds; the rest of a line is always there."""
    days: int = Field(30, ge=1)
    """After which a day of it is removed."""
    flush_seconds: float = Field(5.0, gt=0)
    """After which what is waiting is written; a kill loses no more."""
    most_waiting: int = Field(100_000, ge=1)
    """Lines that wait while the disk refuses them; further ones are counted and dropped."""


class Serve(Section):
    """How models answer requests."""

    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = Field(8000, ge=0, le=65535)
    """Port to listen at."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that answer; one uses one core."""
    model: str = "champion"
    """Alias of the version that answers."""
    poll_seconds: float = Field(5.0, gt=0)
    """How often the registry is asked whether the alias has moved, and the snapshot's file."""
    fast: bool = True
    """Whether a plan in place of pandas is tried; it is used only where it answers alike."""
    fall_back: list[Literal["previous", "rules"]] = ["previous"]
    """Who answers, in this order, when the model fails or is late: the version before, or
    `incumbent` of conf/compare.yaml."""
    exclude: str | None = None
    """A feature that holds items, such as `history`: these are not recommended again."""
    require_key: bool = True
    """Whether a request needs a key: MLOPS_SERVE_KEY, or a line of .secrets/serve.key."""
    features: Features = Features()
    """Where features come from."""
    canary: Canary | None = None
    """A model that answers a share of the entities."""
    shadow: Shadow | None = None
    """A model that is asked and not heard."""
    limits: Limits = Limits()
    """What a server takes on."""
    log: Log = Log()
    """What is kept of predictions."""


def load_serve(**asked: Any) -> Serve:
    """Read conf/serve.yaml.

    Parameters
    ----------
    **asked
        What takes the place of a key; None where the file is to say it.

    Raises
    ------
    MlopsError
        When it is missing, a key is unknown or missing, or a value does not fit.
    """
    config = read_config(SERVE_FILE, Serve)
    config = config.model_copy(update={k: v for k, v in asked.items() if v is not None})
    if config.host not in ("127.0.0.1", "::1", "localhost") and not config.require_key:
        raise MlopsError(
            f"{SERVE_FILE.as_posix()}: at {config.host} others can ask: leave require_key true, or "
            "listen at 127.0.0.1."
        )
    return config
