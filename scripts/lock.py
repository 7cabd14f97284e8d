"""Lock the rendered project again and write the lock back into the template.

Run as ``make lock``, or ``make lock UPGRADE=1`` to take newer versions. The lock is the same for
every set of answers but for two lines, which become Jinja: the project's name and the groups
installed by default.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from rendering import ROOT, render

TARGET = ROOT / "template" / "uv.lock.jinja"
PUBLIC_INDEX = "https://pypi.org/simple"
NAME = "lock-placeholder-name"


def lock(project: Path, *arguments: str) -> str:
    """Run ``uv lock`` in a rendered project and return the lock's text."""
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    subprocess.run(["uv", "lock", *arguments], cwd=project, env=environment, check=True)
    return (project / "uv.lock").read_text(encoding="utf-8")


def to_template(text: str) -> str:
    """Turn a lock into the template's: two lines become Jinja, nothing else may look like it.

    Raises
    ------
    SystemExit
        The lock names a private index, or does not have the two lines where they are expected.
    """
    indexes = set(re.findall(r'registry = "([^"]*)"', text))
    if indexes != {PUBLIC_INDEX}:
        sys.exit("This machine's uv uses another index; lock with UV_DEFAULT_INDEX=" + PUBLIC_INDEX)
    if any(opener in text for opener in ("{{", "{%", "{#")):
        sys.exit("The lock holds text that Jinja would read as its own.")
    text, names = re.subn(f'"{NAME}"', "{{ project_slug | to_json }}", text)
    text, groups = re.subn(
        r"^default-groups = .*$",
        "default-groups = {{ default_groups | to_json }}",
        text,
        flags=re.MULTILINE,
    )
    if (names, groups) != (1, 1):
        sys.exit(
            f"Expected one name and one default-groups line in the lock, got {names}, {groups}."
        )
    return text


def main() -> None:
    """Render with the default answers, lock, and write template/uv.lock.jinja."""
    upgrade = ["--upgrade"] if "--upgrade" in sys.argv[1:] else []
    answers = {"package_name": NAME.replace("-", "_")}
    with tempfile.TemporaryDirectory() as scratch:
        project = render(Path(scratch) / "project", answers)
        text = lock(project, *upgrade)
        TARGET.write_text(to_template(text), encoding="utf-8", newline="\n")
    print(f"{TARGET.relative_to(ROOT)}: {len(tomllib.loads(text)['package'])} packages")


if __name__ == "__main__":
    main()
