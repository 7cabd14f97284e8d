"""Execute rendered workflows on this machine with `act`.

`act` runs the steps on the host: no container engine and no marketplace. Each action is replaced
by a stub under its pinned commit, so that an action that nobody stubbed, or a moved pin, is red.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from processes import run
from rendering import git
from running import Project

SETUP_UV = "astral-sh/setup-uv"
UPLOAD = "actions/upload-artifact"
SARIF = "github/codeql-action/upload-sarif"
STUBS = {
    SETUP_UV: {"inputs": {"version": {}, "enable-cache": {}}, "run": "uv --version"},
    "sigstore/cosign-installer": {"inputs": {}, "run": "cosign version"},
    "aws-actions/configure-aws-credentials": {
        "inputs": {"role-to-assume": {}, "aws-region": {}},
        "run": "echo identity ${{ inputs.role-to-assume }}",
    },
    "google-github-actions/auth": {
        "inputs": {
            "workload_identity_provider": {},
            "service_account": {},
            "token_format": {},
            "create_credentials_file": {},
        },
        "run": "echo identity ${{ inputs.service_account }}",
    },
    "azure/login": {
        "inputs": {"client-id": {}, "tenant-id": {}, "subscription-id": {}},
        "run": "echo identity ${{ inputs.client-id }}",
    },
    UPLOAD: {
        "inputs": {"name": {}, "path": {}, "if-no-files-found": {}, "retention-days": {}},
        "run": "shopt -s globstar\nls ${{ inputs.path }} || "
        '[ "${{ inputs.if-no-files-found }}" = ignore ]',
    },
    SARIF: {"inputs": {"sarif_file": {}}, "run": "ls ${{ inputs.sarif_file }}"},
}


@dataclass(frozen=True)
class Execution:
    """What one execution of the workflow did: the result of each step by its name, and its log.

    Of several jobs, a name says `failure` when one of its steps failed.
    """

    exit_code: int
    steps: dict[str, str]
    log: str
    summary: str

    @property
    def failed(self) -> list[str]:
        """The names of the steps that failed."""
        return [name for name, result in self.steps.items() if result == "failure"]


def acted(
    repository: Project, name: str, event: str, stubs: Path, environment: Mapping[str, str],
    *options: str,
) -> Execution:  # fmt: skip
    """Execute one workflow of a repository as an event would."""
    workflow = f".github/workflows/{name}.yml"
    mapped = []
    # As it was committed: a pin that somebody moves since has no stand-in.
    committed = git("show", f"HEAD:{workflow}", cwd=repository.path)
    for reference in re.findall(r"uses: (\S+)", committed):
        action = reference.partition("@")[0]
        if action in STUBS:
            owner, name, *_ = action.split("/")
            pin = reference.partition("@")[2]
            mapped += ["--local-repository", f"{owner}/{name}@{pin}={stub(stubs, action)}"]
    chosen = {
        "UV_PROJECT_ENVIRONMENT": repository.environment()["UV_PROJECT_ENVIRONMENT"],
        **environment,
    }
    command = ["act", event, "--json", "--workflows", workflow, "--no-cache-server"]
    command += ["--platform", "ubuntu-latest=-self-hosted", *mapped, *options]
    # act loses what a step says that fails within a few milliseconds: let it be heard.
    heard = stubs / "heard.sh"
    heard.write_text("trap '[ $? = 0 ] || sleep 0.3' EXIT\n", encoding="utf-8")
    chosen["BASH_ENV"] = str(heard)
    command += [part for item in chosen.items() for part in ("--env", "=".join(item))]
    return read(run(command, cwd=repository.path))


def stub(folder: Path, action: str) -> Path:
    """Write a stand-in for an action: it takes the same inputs and runs one command."""
    stand_in = STUBS[action]
    owner, name, *inside = action.split("/")
    repository = folder / f"{owner}-{name}"
    place = repository.joinpath(*inside)
    place.mkdir(exist_ok=True, parents=True)
    step = {"shell": "bash", "run": stand_in["run"]}
    content: dict[str, Any] = {"name": action, "description": "A stand-in for the tests."}
    content |= {"inputs": {name: {"description": name} for name in stand_in["inputs"]}}
    content |= {"runs": {"using": "composite", "steps": [step]}}
    (place / "action.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return repository


def read(done: subprocess.CompletedProcess[str]) -> Execution:
    """Read act's log, one JSON object per line; only steps of the workflow itself count."""
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    steps: dict[str, str] = {}
    for event in events:
        if event.get("stepResult") and event.get("stage") == "Main" and len(event["stepID"]) == 1:
            worst = "failure" if steps.get(event["step"]) == "failure" else event["stepResult"]
            steps[event["step"]] = worst
    log = "".join(event.get("msg", "") for event in events) + done.stderr
    summary = "".join(e["content"] for e in events if e.get("command") == "summary")
    return Execution(done.returncode, steps, log, summary)
