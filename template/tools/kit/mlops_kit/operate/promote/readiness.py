"""What an environment lacks before a model can be delivered to it: asked by `mlops doctor`."""

import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

from mlops_kit.core.errors import MlopsError, without_credentials
from mlops_kit.core.settings import Settings, environment
from mlops_kit.operate.promote.registry import EmptyRegistryError, registry_of
from mlops_kit.room import Finding

SECONDS = 5
DRIFT = 60  # seconds between two clocks from which times of the log stop meaning much
SPACE = 2 * 10**9
# By them MLflow signs in; a server of one's own may ask for none.
SIGN_IN = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_TOKEN")


def ready(settings: Settings) -> Iterator[Finding]:
    """Look at registry, approvers, clock and disk; the data room looks at the places of data."""
    name = environment()
    yield from _registry(settings, name)
    yield from _approvers(settings, name)
    free = shutil.disk_usage(Path.cwd()).free
    if free < SPACE:
        mend = "make room, or move the project to a larger disk"
        yield Finding("disk", "problem", f"{free / 1e9:.1f} GB are free here", mend)
    else:
        yield Finding("disk", "ok", f"{free / 1e9:,.0f} GB are free here")


def _registry(settings: Settings, name: str) -> Iterator[Finding]:
    uri = settings.tracking.uri
    if not uri.startswith(("http://", "https://")):
        mend = f"name the MLflow server of {name} as tracking.uri in conf/{name}.yaml"
        yield Finding("registry", "note", f"{uri} is a file of this machine alone", mend)
        return
    shown = without_credentials(uri)
    if not any(os.environ.get(variable) for variable in SIGN_IN):
        mend = f"set {SIGN_IN[0]} and MLFLOW_TRACKING_PASSWORD, or {SIGN_IN[1]}, if it asks"
        yield Finding("sign-in", "note", f"no variable says who signs in at {shown}", mend)
    started = time.time()
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=SECONDS) as answer:  # noqa: S310
            told = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        told = error.headers.get("Date")
        if error.code not in (401, 403):
            mend = "ask whoever keeps it; tracking.uri may lack a path"
            yield Finding("registry", "problem", f"{shown} answers {error.code}", mend)
            return
    except (OSError, ValueError) as error:
        mend = "start it, or mend tracking.uri, the network or the certificate"
        reason = getattr(error, "reason", error)
        yield Finding("registry", "problem", f"{shown} does not answer: {reason}", mend)
        return
    yield Finding("registry", "ok", f"{shown} answers")
    if any(os.environ.get(variable) for variable in SIGN_IN):
        yield _signed_in(settings)
    if told and abs(parsedate_to_datetime(told).timestamp() - started) > DRIFT:
        mend = "set this machine's clock (NTP): the log of promotions and approvals tells times"
        yield Finding("clock", "problem", f"it differs from that of {shown}", mend)


def _signed_in(settings: Settings) -> Finding:
    """Whether the server knows who comes, and shows them the model."""
    who = os.environ.get(SIGN_IN[0]) or "the owner of the token"
    try:
        with registry_of(settings) as (client, name):
            client.get_registered_model(name)
        return Finding("sign-in", "ok", f"{who} sees {name}")
    except EmptyRegistryError:
        return Finding("sign-in", "ok", f"{who} may read; nothing is registered there yet")
    except MlopsError as error:
        mend = "its secrets are those of this environment, and of no other"
        return Finding("sign-in", "problem", str(error), mend)


def _approvers(settings: Settings, name: str) -> Iterator[Finding]:
    asked = settings.promotion
    if not asked.approval:
        mend = f"say approval: true under promotion in conf/{name}.yaml"
        yield Finding("approval", "note", f"no person lets a model into {name}", mend)
    elif not asked.approvers:
        mend = f"promotion.approvers in conf/{name}.yaml names who may"
        yield Finding("approval", "note", "whoever may commit approves", mend)
    else:
        yield Finding("approval", "ok", f"by {', '.join(asked.approvers)}")
    if asked.approval and asked.automatic:
        mend = f"automatic: false under promotion in conf/{name}.yaml asks for one"
        message = f"a model that is fitted in {name} because of drift needs no approval"
        yield Finding("automatic", "note", message, mend)
