"""Write a release down: check that it is ready, then record its commit in releases.toml.

Run as ``make release VERSION=1.2.3``. Commits and tags nothing; it prints what is left to do.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
# What says that repositories of older versions can follow.
TESTS = (
    "tests/tool/test_evolution.py",
    "tests/tool/test_update_fixpoint.py",
    "tests/test_house.py",
)


def refuse(sentence: str) -> NoReturn:
    """End with a sentence and the exit code for bad input."""
    print(sentence, file=sys.stderr)
    sys.exit(3)


def git(*arguments: str) -> str:
    """Run git in the template."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def parsed(version: str) -> tuple[int, ...]:
    """Return a version's three numbers."""
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        refuse(f"A version is MAJOR.MINOR.PATCH, for example 1.2.3; got {version!r}.")
    return tuple(map(int, version.split(".")))


def refuse_unready(version: str) -> None:
    """Refuse a version that is not newer, not described, or not committed."""
    releases = tomllib.loads((ROOT / "releases.toml").read_text(encoding="utf-8"))
    newest = max(releases, key=parsed)
    if parsed(version) <= parsed(newest):
        refuse(f"{version} is not newer than {newest}, the last entry of releases.toml.")
    if f"\n## {version}\n" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        refuse(f"CHANGELOG.md has no entry '## {version}'; an update shows it to people.")
    if git("status", "--porcelain"):
        refuse("There are uncommitted changes; a release is a commit.")
    pyproject = ROOT / "pyproject.toml"
    found = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"]
    if found != version:
        text = pyproject.read_text(encoding="utf-8")
        text = text.replace(f'version = "{found}"', f'version = "{version}"', 1)
        pyproject.write_text(text, encoding="utf-8", newline="\n")
        subprocess.run(["uv", "lock", "--offline"], cwd=ROOT, check=False)
        refuse(
            f"pyproject.toml said {found}; it says {version} now. Commit it, then release again."
        )


def main() -> None:
    """Check, test, and write one line into releases.toml."""
    version = sys.argv[1] if len(sys.argv) > 1 else ""
    parsed(version)
    refuse_unready(version)
    if "--no-tests" not in sys.argv:
        command = [sys.executable, "-m", "pytest", "--quiet", "-m", "not debian", *TESTS]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            refuse("The tests above fail; nothing was written.")
    commit = git("rev-parse", "HEAD")
    with (ROOT / "releases.toml").open("a", encoding="utf-8", newline="\n") as file:
        file.write(f'"{version}" = "{commit}"\n')
    print(
        f"releases.toml names {version}. What is left:\n"
        f'  git commit --message "chore: release {version}" releases.toml\n'
        f"  git tag v{version} {commit}\n"
        "and never move that tag."
    )


if __name__ == "__main__":
    main()
