"""Typed configuration: conf/base.yaml, conf/<MLOPS_ENV>.yaml over it, and the other YAML files."""

import difflib
import os
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)

from mlops_kit.core.errors import MlopsError
from mlops_kit.core.files import read_yaml

ENVIRONMENTS = ("dev", "staging", "prod")
Config = TypeVar("Config", bound=BaseModel)


class Section(BaseModel):
    """A part of a configuration file; a key that it does not know is an error.

    The text below a key says what it means, in docs/reference/settings.md too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tracking(Section):
    """Where MLflow keeps runs and the model registry of this environment."""

    uri: str
    """Address of the MLflow server, or of its embedded database."""
    experiment: str
    """MLflow's experiment that holds the runs."""
    registry_prefix: str
    """Stands before the model's name in the registry: `dev` registers `dev.<model_name>`."""


class Quality(Section):
    """How much of a table may break its contract, and how many threads DuckDB may use."""

    max_quarantined_share: float = Field(0.01, ge=0, le=1)
    """A table with a larger share of broken rows stops the run."""
    threads: int = Field(1, ge=1)
    """Threads of DuckDB: one gives the same digits on every machine, more are faster."""


class Promotion(Section):
    """What a model needs besides its decision to become champion of this environment."""

    approval: bool = False
    """Whether a person must have approved it: `mlops approve`, a file that is committed."""
    approvers: list[str] = []
    """Names or addresses of those who may, as their commits have them; empty: whoever commits."""
    four_eyes: bool = False
    """Whether the approver must be another person than the one who built the model."""
    signed: bool = False
    """Whether the commit that approves must have a good signature, by git's own judgement."""
    branch: str | None = None
    """Branch, such as `origin/main`, that must hold an approval before it counts."""
    automatic: bool = False
    """Whether a model that was fitted in this environment because of drift needs no approval."""
    decision_days: int = Field(30, ge=1)
    """Days after which a decision is too old to be followed."""


class Retention(Section):
    """Which versions the registry keeps; those that an alias names or a rollback needs stay."""

    keep_versions: int = Field(20, ge=1)
    """The newest that are always kept."""
    keep_days: int = Field(180, ge=1)
    """Days for which every version is kept."""


# They would stand in git: the environment has them (see data/storage/stores.py).
SECRET = ("access_key_id", "secret_access_key", "session_token", "password", "passphrase",
          "connection_string", "account_key", "sas_token", "client_secret")  # fmt: skip


class Restricted(Section):
    """Where the raw files of this environment are kept, each under its hash."""

    url: str
    """A folder, or an address that begins with `s3://`, `gs://`, `azure://` or `ssh://`."""
    options: dict[str, str | int | bool] = {}
    """What DVC calls them for a remote of this kind: `endpointurl`, `region`, `profile`, ..."""

    @model_validator(mode="after")
    def _no_secret(self) -> "Restricted":
        if found := [name for name in SECRET if name in self.options]:
            raise ValueError(
                f"{found[0]} does not belong into git; take it out and set MLOPS_RESTRICTED_ID and "
                "MLOPS_RESTRICTED_SECRET"
            )
        return self


class Settings(BaseSettings):
    """Everything that differs between projects and environments, apart from secrets."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="MLOPS_",
        env_nested_delimiter="__",
    )

    project: str
    """The project's name, as people see it in documents and reports."""
    model_name: str
    """Name of the model; the registry adds the environment's prefix."""
    task: Literal["classification", "regression", "recommendation"]
    """What the model predicts; fixed once rendered."""
    functionality: Literal["new", "existing_rules", "existing_model"]
    """What did the job before; fixed once rendered."""
    business_metric: str
    """Which number the business wants to move, in words."""
    tracking: Tracking
    """Where runs and models are kept."""
    dvc_remote: str
    """Name of the DVC remote (in .dvc/config) of this environment."""
    restricted: Restricted | None = None
    """Where raw files are fetched from; none: they lie where conf/sources.yaml says."""
    shares_with: list[str] = []
    """Other environments whose data may be here too, in one remote or as the same raw files."""
    data: Quality = Quality()
    """Limits of reading data."""
    promotion: Promotion = Promotion()
    """Who approves, and how old a decision may be."""
    registry: Retention = Retention()
    """Which versions `mlops registry prune` leaves."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment variables win over the environment's file, which wins over base.yaml."""
        files = settings_files()
        return env_settings, YamlConfigSettingsSource(settings_cls, files, deep_merge=True)


def environment() -> str:
    """Name of the environment that MLOPS_ENV selects; `dev` when it is not set."""
    name = os.environ.get("MLOPS_ENV", "dev")
    if name not in environments():
        raise MlopsError(f'MLOPS_ENV is "{name}"; use one of {", ".join(environments())}.')
    return name


def use_environment(name: str | None) -> str:
    """Select the environment that a command names; another one than MLOPS_ENV is refused."""
    if name is None:
        return environment()
    if name not in environments():
        raise MlopsError(f"There is no environment {name}: use one of {', '.join(environments())}.")
    if os.environ.get("MLOPS_ENV", name) != name:
        raise MlopsError(
            f"MLOPS_ENV is {os.environ['MLOPS_ENV']} here, and {name} is asked for: unset it, or "
            "make them one."
        )
    os.environ["MLOPS_ENV"] = name
    return name


def environments() -> list[str]:
    """Names of the environments that this project has a file for."""
    found = [name for name in ENVIRONMENTS if settings_file(name).is_file()]
    return found or ["dev"]


def settings_files() -> list[Path]:
    """The two files that make up the settings of this environment, the weaker first."""
    return [settings_file("base"), settings_file(environment())]


def settings_file(name: str) -> Path:
    """Where a repository had a conf/<name>.yaml of its own before, ours lies in conf/mlops/."""
    apart = Path(f"conf/mlops/{name}.yaml")
    return apart if apart.is_file() else Path(f"conf/{name}.yaml")


def load_settings() -> Settings:
    """Read the settings of the current environment from the project in the working directory.

    Raises
    ------
    MlopsError
        When a file is missing or damaged, or a key is unknown, missing or of the wrong type.
    """
    files = settings_files()
    contents = {path: read_yaml(path) for path in files}
    try:
        return Settings()  # type: ignore[call-arg]  # the sources above fill it
    except ValidationError as error:
        raise MlopsError(_sentence(error, Settings, contents)) from error
    except SettingsError as error:
        raise MlopsError(f"An MLOPS_ variable cannot be read: {error}.") from error


def read_config(path: Path, model: type[Config]) -> Config:
    """Read one YAML file into `model`; an error names the file, the key and the nearest key."""
    content = read_yaml(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise MlopsError(_sentence(error, model, {path: content})) from error


def _sentence(
    error: ValidationError, model: type[BaseModel], contents: dict[Path, dict[str, Any]]
) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    dotted = ".".join(location)
    file = _file_with(location, contents).as_posix()
    variable = "MLOPS_" + "__".join(location).upper()
    if issubclass(model, BaseSettings):
        parts = variable.split("__")
        named = ["__".join(parts[:end]) for end in range(len(parts), 0, -1)]
        file = next((name for name in named if name in os.environ), file)
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, first["loc"][:-1])
        near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
        hint = f'did you mean "{near[0]}"?' if near else f"known keys: {', '.join(known)}."
        return f'{file}: unknown key "{dotted}"; {hint}'
    if first["type"] == "missing":
        return f'{file}: the key "{dotted}" is missing; add it.'
    if first["type"] == "value_error":
        # A sentence of ours: what it is about stands in it.
        where = f"{dotted}: " if dotted else ""
        return f"{file}: {where}{first['msg'].removeprefix('Value error, ')}."
    if first["type"] == "union_tag_invalid":
        said = first["ctx"]
        other = f'"{said["tag"]}" is none of the kinds here ({said["expected_tags"]})'
        return f'{file}: "{dotted}": {other}{getattr(model, "OTHER_KINDS", "")}.'
    if first["type"] in ("model_type", "dict_type"):
        known = ", ".join(_known_keys(model, first["loc"])) or "of your own"
        return f'{file}: "{dotted}" holds keys ({known}), not {first["input"]!r}: write them.'
    return f'{file}: "{dotted}": {first["msg"]} (it is {first["input"]!r}).'


def _file_with(location: list[str], contents: dict[Path, dict[str, Any]]) -> Path:
    def depth(content: Any) -> int:
        found = 0
        for part in location:
            if not isinstance(content, dict) or part not in content:
                break
            content, found = content[part], found + 1
        return found

    # The later file wins a tie because its value is the one in force.
    return max(reversed(list(contents)), key=lambda path: depth(contents[path]))


def _known_keys(model: Any, location: tuple[int | str, ...]) -> list[str]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})

    def resolved(node: dict[str, Any]) -> list[dict[str, Any]]:
        if "$ref" in node:
            return resolved(definitions[node["$ref"].rsplit("/", 1)[1]])
        branches = node.get("anyOf", []) + node.get("oneOf", []) + node.get("allOf", [])
        return [part for branch in branches for part in resolved(branch)] or [node]

    nodes = resolved(schema)
    for part in location:
        below = []
        for node in nodes:
            child = node.get("properties", {}).get(str(part), node.get("additionalProperties"))
            if isinstance(child, dict):
                below += resolved(child)
        # A union's branch name stands in the location but not in the schema.
        nodes = below or nodes
    return sorted({key for node in nodes for key in node.get("properties", {})})
