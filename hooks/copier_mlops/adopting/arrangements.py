"""How the template's environment and command can stand beside a repository's own build."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from copier_mlops.adopting.builds import (
    apart_because,
    exclude_package,
    keep_packages_found,
    takes_for_member,
)
from copier_mlops.adopting.existing import OLDEST_PYTHON, RUNNING_PYTHONS, Existing
from copier_mlops.adopting.pyproject_merge import PYPROJECT, merge, quoted, split
from copier_mlops.errors import ToolError
from copier_mlops.rendering.workspace import OWN_KIT

MEMBER = "src/pyproject.toml"
GROUP = "adopted"
NAMELESS = (
    "uv cannot read the name of your distribution, so `uv run` does not have it: let it begin and "
    "end with a letter or digit, undo this adoption, and adopt again."
)


@dataclass(frozen=True)
class Arrangement:
    """How the template's environment and command stand beside the repository's own build."""

    mode: str
    """whole: the template's own; beside: the kit in the environment of theirs; workspace: the same,
    where there is no [project]; apart: an environment of its own, in src/."""
    files: dict[str, str]
    """Text by path."""
    differing: list[str] = field(default_factory=list)
    note: str = ""
    runs: str = "uv run"


def arrangements(existing: Existing, template: str, package: str) -> list[Arrangement]:
    """Return the ways to arrange it, the best first; the last one always resolves.

    Parameters
    ----------
    existing : Existing
        The repository.
    template : str
        pyproject.toml as the template renders it.
    package : str
        The answer to ``package_name``.
    """
    sections = _buildable(existing, split(template), package)
    own = _distribution(existing) if existing.is_legacy else ""
    nameless = existing.is_legacy and not own
    has_project = "project" in existing.pyproject
    bare = existing.is_legacy or "workspace" in existing.tools.get("uv", {})
    if existing.has_tests:
        sections.pop("tool.pytest.ini_options", None)
    if "pyrefly" in existing.tools or "pyrefly.toml" in existing.entries:
        sections.pop("tool.pyrefly", None)
    found: list[Arrangement | None] = []
    if apart_because(existing):
        pass
    elif not has_project and not bare:
        listed, skipped = requirements_of(existing)
        for requirements in [listed, []] if listed else [[]]:
            text = _whole(existing, sections, requirements)
            note = _left([] if requirements else listed, skipped)
            found.append(_merge(existing, "whole", text, {}, note))
    else:
        mode = "beside" if has_project else "workspace"
        listed = requirements_of(existing)[0] if bare and own else []
        ladder = [[own, *listed], [own]] if listed else [[own]] if own else []
        for installed in [*ladder, []]:
            text = _beside(existing, sections, installed) | exclude_package(existing, package)
            note = NAMELESS if nameless else _not_installed(own, installed, ladder)
            found.append(_merge(existing, mode, text, {}, note))
    merged = [way for way in found if way is not None]
    apart = {MEMBER: _standalone(sections)}
    note = _why(existing, bool(merged))
    return [*merged, Arrangement("apart", apart, note=note, runs="uv run --project src")]


def _distribution(existing: Existing) -> str:
    """Return the name under which uv knows their distribution; empty when it accepts none."""
    # setuptools writes a hyphen for what a name must not hold, such as a space.
    name = re.sub(r"[^a-z0-9-]+", "-", canonicalize_name(existing.name))
    return name if name.strip("-") == name else ""


def _buildable(existing: Existing, sections: dict[str, str], package: str) -> dict[str, str]:
    """Choose another build backend where src/ itself is a package: uv's refuses to build in it."""
    if "src/__init__.py" not in existing.entries:
        return sections
    hatch = {
        "build-system": 'requires = ["hatchling>=1.27,<2"]\nbuild-backend = "hatchling.build"\n',
        "tool.hatch.build.targets.wheel": f'packages = ["src/{package}"]\n',
    }
    return {k: v for k, v in sections.items() if k != "tool.uv.build-backend"} | hatch


def _build_tables(text: dict[str, str]) -> dict[str, str]:
    """Take the tables of the build backend out, and return them as they are inside src/."""
    found = {}
    if uv := text.pop("tool.uv.build-backend", None):
        found["tool.uv.build-backend"] = f'module-root = ""\n{uv.strip()}\n'
    if hatch := text.pop("tool.hatch.build.targets.wheel", None):
        found["tool.hatch.build.targets.wheel"] = hatch.replace('"src/', '"')
    return found


def requirements_of(existing: Existing) -> tuple[list[str], list[str]]:
    """Return what requirements.txt asks for, and the lines that are no plain requirement."""
    found: dict[str, str] = {}
    skipped = []
    for line in existing.texts.get("requirements.txt", "").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line).split(" --hash")[0].strip(" \\")
        if not text or text.startswith("--hash"):
            continue
        try:
            requirement = Requirement(text)
            found.setdefault(canonicalize_name(requirement.name), text)
        except InvalidRequirement:
            skipped.append(text)
    return list(found.values()), skipped


def _merge(
    existing: Existing,
    mode: str,
    sections: Mapping[str, str],
    files: dict[str, str],
    note: str = "",
) -> Arrangement | None:
    theirs = existing.texts.get(PYPROJECT, "").replace("\r\n", "\n")
    try:
        text, differing = merge(theirs, {**sections, **keep_packages_found(existing)})
    except ToolError:
        return None
    return Arrangement(mode, {PYPROJECT: text, **files}, differing, note)


def _whole(
    existing: Existing, sections: Mapping[str, str], requirements: list[str]
) -> dict[str, str]:
    listing = "".join(f"  {quoted(requirement)},\n" for requirement in requirements)
    text = sections["project"]
    if requirements:
        text = text.replace("dependencies = []", f"dependencies = [\n{listing}]")
    readme = next((n for n in existing.entries if re.fullmatch(r"(?i)readme(\.\w+)?", n)), None)
    if readme:
        text = text.replace('readme = "README.md"', f"readme = {quoted(readme)}")
    return {**sections, "project": text}


def _beside(
    existing: Existing, sections: Mapping[str, str], installed: list[str]
) -> dict[str, str]:
    """Return the tables that install the kit, and their own distribution where uv does not."""
    text = {"dependency-groups": ""}
    text |= {k: v for k, v in sections.items() if k.startswith("tool.")}
    _build_tables(text)
    groups = tomllib.loads(sections["dependency-groups"])
    chosen = tomllib.loads(sections["tool.uv"])["default-groups"]
    if installed:
        text["tool.uv.sources"] += f'{installed[0]} = {{ path = ".", editable = true }}\n'
    kit = tomllib.loads(sections["tool.uv.sources"])["mlops-kit"]["path"]
    member = takes_for_member(existing, kit)
    if "project" not in existing.pyproject and not member and kit == OWN_KIT:
        # As a member, the kit says for which Python versions to lock.
        text["tool.uv.workspace"] = f'members = ["{kit}"]\n'
        member = True
    if member:
        text["tool.uv.sources"] = re.sub(
            r"^mlops-kit = .*", "mlops-kit = { workspace = true }", text["tool.uv.sources"]
        )
    if existing.locks_groups:
        del text["dependency-groups"]
        lines = "".join(f"  {quoted(name)},\n" for name in installed)
        # Line by line as in the template's groups, so that a later update merges into them.
        for name in chosen:
            block = re.search(
                rf"^{name} = \[\n(.*?)^\]", sections["dependency-groups"], re.DOTALL | re.MULTILINE
            )
            lines += block[1] if block else "".join(f"  {quoted(r)},\n" for r in groups[name])
        text["tool.uv"] = (
            "# Poetry and PDM would lock [dependency-groups] too, so the template's stand here.\n"
            f"dev-dependencies = [\n{lines}]\n"
        )
    else:
        added = f"# Your own distribution.\n{GROUP} = {quoted(installed)}\n" * bool(installed)
        text["dependency-groups"] = sections["dependency-groups"].rstrip() + "\n" + added
        text["tool.uv"] = f"default-groups = {quoted(chosen + [GROUP] * bool(installed))}\n"
    if "project" in existing.pyproject:
        _bound(existing, text, [*groups, *[GROUP] * bool(installed)])
    return text


def _bound(existing: Existing, text: dict[str, str], names: list[str]) -> None:
    """Let only the template's groups ask for Python 3.11, where the project supports older ones."""
    if not any(map(existing.supports, range(6, OLDEST_PYTHON))):
        return
    if existing.locks_groups:
        # uv serves the template's command only, so it need not look at older ones at all.
        text["tool.uv"] += f"environments = [\"python_full_version >= '3.{OLDEST_PYTHON}'\"]\n"
        return
    if "dev" in existing.pyproject.get("dependency-groups", {}):
        # Theirs must keep working on all their interpreters, so nothing is added to it.
        names = [name for name in names if name != "dev"]
        text["dependency-groups"] = re.sub(
            r"^dev = \[.*?^\]\n", "", text["dependency-groups"], flags=re.DOTALL | re.MULTILINE
        )
    bound = '{ requires-python = ">=3.11" }'
    text["tool.uv.dependency-groups"] = "".join(f"{name} = {bound}\n" for name in names)


def _standalone(sections: Mapping[str, str]) -> str:
    """Return the template's pyproject.toml for src/: locked as rendered, apart from the team's."""
    kept = {k: v for k, v in sections.items() if not k.startswith(("tool.pytest", "tool.pyrefly"))}
    kept["project"] = re.sub(r"^readme = .*\n", "", kept["project"], flags=re.MULTILINE)
    kept["tool.uv.sources"] = kept["tool.uv.sources"].replace('"tools/kit"', '"../tools/kit"')
    kept |= _build_tables(kept)
    head = "# An environment of its own: yours and the template's cannot be installed together.\n"
    return head + "\n".join(f"[{name}]\n{text.strip()}\n" for name, text in kept.items())


def _why(existing: Existing, merges: bool) -> str:
    python = existing.requires_python
    if because := apart_because(existing):
        cause, mend = because
    elif "project" in existing.pyproject and not any(map(existing.supports, RUNNING_PYTHONS)):
        cause = f"`requires-python = {quoted(python)}` excludes Python 3.11, which it needs"
        mend = "allow 3.11 there"
    elif merges:
        cause = "uv finds no versions that fit both your dependencies and the template's"
        mend = f"loosen in {PYPROJECT} what uv names below"
    else:
        cause = f"{PYPROJECT} is written in a way that cannot be merged safely"
        mend = "write its tables one by one, with a [header] each"
    return (
        f"The template's command has an environment of its own in src/, because {cause}: to have "
        f"one environment, {mend}, undo this adoption, and adopt again."
    )


def _not_installed(own: str, installed: list[str], ladder: list[list[str]]) -> str:
    if not ladder or installed == ladder[0]:
        return ""
    what = "what requirements.txt asks for" if installed else f"{own} with its dependencies"
    return (
        f"uv cannot lock {what} together with what the template needs, so `uv run` does not have "
        "it: your own environment stays what it was. Loosen what uv names, then `uv add` it."
    )


def _left(listed: list[str], skipped: list[str]) -> str:
    if not listed and not skipped:
        return ""
    if listed:
        return (
            "uv cannot lock requirements.txt together with what the template needs, so it was not "
            "taken over into pyproject.toml: your own environment stays what it was; "
            "`uv add NAME` brings over one library at a time."
        )
    lines = ", ".join(f"`{line}`" for line in skipped)
    return f"Not taken over from requirements.txt, add by hand: {lines}."
