"""A template of a dozen small files, for tests that need many versions and no pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifecycle import add_version, repository
from rendering import git

COPIER = """\
_subdirectory: template
_envops: {trim_blocks: true, lstrip_blocks: true, keep_trailing_newline: true}
_skip_if_exists: [/README.md, "/src/{{ package_name | default('*') }}/model.py", /conf/, /uv.lock]
_exclude:
  - |
    {% if privacy | default("yes") == "no" %}
    /src/{{ package_name }}/mlops/privacy.py
    /conf/privacy.yaml
    {% endif %}
project_name: {type: str, default: Shop}
package_name: {type: str, default: "{{ project_name | lower }}"}
task: {type: str, default: a, choices: [a, b]}
functionality: {type: str, default: new, choices: [new, old]}
hosting: {type: str, default: own, choices: [own, cloud, moon]}
privacy: {type: str, default: "yes", choices: ["yes", "no"]}
region:
  type: str
  default: eu
  when: "{{ hosting == 'cloud' }}"
"""
LINES = "".join(f"line {number}\n" for number in range(1, 31))
PYPROJECT = """\
[project]
name = "{{ package_name }}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = []

[dependency-groups]
mlops = ["idna>=2"]
"""
PICTURE = b"\x89PNG\0old"
MANAGED = "template/src/{{ package_name }}/mlops"
FILES: dict[str, str | bytes | None] = {
    "copier.yml": COPIER,
    "template/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "template/README.md.jinja": "# {{ project_name }}\n",
    "template/pyproject.toml.jinja": PYPROJECT,
    "template/.gitignore": "/data/\n.env\n",
    "template/.gitattributes": "* text=auto\n",
    "template/conf/base.yaml": "a: 1\n",
    "template/conf/privacy.yaml": "keep: []\n",
    "template/logo.png": PICTURE,
    "template/run.sh": "#!/bin/sh\necho run\n",
    "template/src/{{ package_name }}/model.py": "# yours\n",
    f"{MANAGED}/cli.py": LINES,
    f"{MANAGED}/gate.py": "".join(f"gate {number}\n" for number in range(1, 21)),
    f"{MANAGED}/privacy.py": "".join(f"protect {number}\n" for number in range(1, 21)),
    f"{MANAGED}/plain.py": "plain\n",
    "CHANGELOG.md": "# Changelog\n\n## 1.0.0\n\nThe first.\n",
}


def tiny_template(folder: Path) -> Path:
    """Make the template with its version 1.0.0."""
    folder.mkdir(parents=True)
    git("init", "--quiet", cwd=folder)
    add_version(folder, "1.0.0", FILES)
    return folder


def second_version(template: Path, **changes: str | bytes | None) -> None:
    """Add version 2.0.0, which at least changes the middle of cli.py, and says so."""
    log = "# Changelog\n\n## 2.0.0\n\nThe middle is better.\n\n## 1.0.0\n\nThe first.\n"
    middle = LINES.replace("line 15\n", "line 15, better\n")
    add_version(template, "2.0.0", {f"{MANAGED}/cli.py": middle, "CHANGELOG.md": log, **changes})


def tiny_project(template: Path, folder: Path, answers: Mapping[str, Any] | None = None) -> Path:
    """Render version 1.0.0 and commit it."""
    answers = {"project_name": "Shop", "package_name": "shop", **(answers or {})}
    return repository(template, folder, "1.0.0", answers)
