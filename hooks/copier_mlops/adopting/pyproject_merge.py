"""Bring the template's tables into a repository's pyproject.toml, whose own values always win."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from copier_mlops.adopting.builds import apart_because, takes_for_member
from copier_mlops.adopting.existing import OLDEST_PYTHON, RUNNING_PYTHONS, Existing
from copier_mlops.errors import ToolError
from copier_mlops.repository.project import KIT

PYPROJECT, MEMBER = "pyproject.toml", "src/pyproject.toml"
UNITED = re.compile(
    r"dependency-groups\..*|tool\.uv\.(default-groups|dev-dependencies|workspace\.members)"
    r"|tool\.setuptools\.packages\.find\.exclude"
)
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
            text = _beside(existing, sections, installed) | _left_out(existing, package)
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


def split(text: str) -> dict[str, str]:
    """Return the text of each table of the template's pyproject.toml, by its name."""
    parts = re.split(r"^\[([^\[\]]+)\]\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


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


def merge(theirs: str, sections: Mapping[str, str]) -> tuple[str, list[str]]:
    """Merge tables into a pyproject.toml; nothing that stands there changes its value.

    The result is read again and compared with what it must be, so a slip cannot reach a file.

    Returns
    -------
    tuple
        The merged text, and a sentence for each value that differs.

    Raises
    ------
    ToolError
        The file is written in a way in which this cannot be done.
    """
    differing: list[str] = []
    wanted = tomllib.loads("\n".join(f"[{name}]\n{text}" for name, text in sections.items()))
    expected = _values(tomllib.loads(theirs), wanted, "", differing)
    document = tomlkit.parse(theirs)
    appended = ""
    for name, text in sections.items():
        table: Any = document
        for part in name.split("."):
            table = table.get(part) if isinstance(table, Mapping) else None
        if table is None:  # A value where a table should be: found out below.
            appended += f"\n[{name}]\n{text.strip()}\n"
        elif isinstance(table, Mapping):
            _extend(table, tomlkit.parse(text), name)
    body = tomlkit.dumps(document)
    merged = f"{body.rstrip()}\n{appended}" if body.strip() else appended.lstrip()
    try:
        right = tomllib.loads(merged) == expected
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise ToolError(f"{PYPROJECT} is written in a way that cannot be merged safely.")
    return merged, differing


def _values(theirs: Any, wanted: Any, name: str, differing: list[str]) -> Any:
    """Merge plain values, as ``merge`` promises it, and note what differs."""
    if isinstance(theirs, dict) and isinstance(wanted, dict):
        result = dict(theirs)
        for key, value in wanted.items():
            dotted = f"{name}.{key}".lstrip(".")
            if key in theirs:
                result[key] = _values(theirs[key], value, dotted, differing)
            else:
                result[key] = value
        return result
    if UNITED.fullmatch(name) and isinstance(theirs, list) and isinstance(wanted, list):
        known = {_named(item): item for item in theirs}
        for item in wanted:
            if known.get(_named(item), item) != item:
                differing.append(f"`{name}`: yours is `{known[_named(item)]}`, not `{item}`")
        return theirs + [item for item in wanted if _named(item) not in known]
    if theirs != wanted:
        differing.append(f"`{name}`: yours is `{theirs}`, not `{wanted}`")
    return theirs


def _extend(table: Any, wanted: Any, name: str) -> None:
    """Do the same in the document, so that its comments and its order stay."""
    for key, value in wanted.items():
        dotted = f"{name}.{key}"
        if key not in table:
            table[key] = value
        elif isinstance(table[key], Mapping) and isinstance(value, Mapping):
            _extend(table[key], value, dotted)
        elif UNITED.fullmatch(dotted) and isinstance(table[key], list):
            known = {_named(item) for item in table[key].unwrap()}
            for item in value.unwrap():
                if _named(item) not in known:
                    table[key].append(item)


def _named(item: Any) -> str:
    """Return the name of a requirement, or what else identifies an item of a list."""
    match = re.match(r"[A-Za-z0-9][\w.-]*", item) if isinstance(item, str) else None
    return canonicalize_name(match[0]) if match else repr(item)


def _merge(
    existing: Existing,
    mode: str,
    sections: Mapping[str, str],
    files: dict[str, str],
    note: str = "",
) -> Arrangement | None:
    theirs = existing.texts.get(PYPROJECT, "").replace("\r\n", "\n")
    try:
        text, differing = merge(theirs, {**sections, **_found(existing)})
    except ToolError:
        return None
    return Arrangement(mode, {PYPROJECT: text, **files}, differing, note)


def _whole(
    existing: Existing, sections: Mapping[str, str], requirements: list[str]
) -> dict[str, str]:
    listing = "".join(f"  {_quoted(requirement)},\n" for requirement in requirements)
    text = sections["project"]
    if requirements:
        text = text.replace("dependencies = []", f"dependencies = [\n{listing}]")
    readme = next((n for n in existing.entries if re.fullmatch(r"(?i)readme(\.\w+)?", n)), None)
    if readme:
        text = text.replace('readme = "README.md"', f"readme = {_quoted(readme)}")
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
    member = takes_for_member(existing, KIT.rstrip("/"))
    if "project" not in existing.pyproject and not member:
        # As a member, the kit says for which Python versions to lock.
        text["tool.uv.workspace"] = f'members = ["{KIT.rstrip("/")}"]\n'
        member = True
    if member:
        text["tool.uv.sources"] = re.sub(
            r"^mlops-kit = .*", "mlops-kit = { workspace = true }", text["tool.uv.sources"]
        )
    if existing.locks_groups:
        del text["dependency-groups"]
        lines = "".join(f"  {_quoted(name)},\n" for name in installed)
        # Line by line as in the template's groups, so that a later update merges into them.
        for name in chosen:
            block = re.search(
                rf"^{name} = \[\n(.*?)^\]", sections["dependency-groups"], re.DOTALL | re.MULTILINE
            )
            lines += block[1] if block else "".join(f"  {_quoted(r)},\n" for r in groups[name])
        text["tool.uv"] = (
            "# Poetry and PDM would lock [dependency-groups] too, so the template's stand here.\n"
            f"dev-dependencies = [\n{lines}]\n"
        )
    else:
        added = f"# Your own distribution.\n{GROUP} = {_quoted(installed)}\n" * bool(installed)
        text["dependency-groups"] = sections["dependency-groups"].rstrip() + "\n" + added
        text["tool.uv"] = f"default-groups = {_quoted(chosen + [GROUP] * bool(installed))}\n"
    if "project" in existing.pyproject:
        _bound(existing, text, [*groups, *[GROUP] * bool(installed)])
    return text


def _left_out(existing: Existing, package: str) -> dict[str, str]:
    """Return what keeps the template's package out of a build that looks for packages in src/."""
    if package in existing.source_packages:
        return {}
    packages = existing.tools.get("setuptools", {}).get("packages")
    find = packages.get("find") if isinstance(packages, dict) else None
    if not isinstance(find, dict) or "src" not in find.get("where", []):
        return {}
    left_out = _quoted([package, f"{package}.*"])
    return {"tool.setuptools.packages.find": f"exclude = {left_out}\n"}


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


def _found(existing: Existing) -> dict[str, str]:
    """Return what keeps a build that looks for its packages finding them beside a new src/."""
    backend = existing.pyproject.get("build-system", {}).get("build-backend", "")
    if any(name.startswith("src/") for name in existing.entries) or not (
        existing.is_legacy or "project" in existing.pyproject
    ):
        return {}
    if backend == "pdm.backend":
        return {"tool.pdm.build": 'package-dir = "."\n'}
    named = {"packages", "py-modules", "package-dir"} & set(existing.tools.get("setuptools", {}))
    options = existing.setup_cfg["options"] if existing.setup_cfg.has_section("options") else {}
    named |= {"packages", "py_modules", "package_dir"} & ({*options} | {*existing.setup_py})
    if named or not (backend.startswith("setuptools") or (not backend and existing.is_legacy)):
        return {}
    wanted = canonicalize_name(existing.name).replace("-", "_")
    tops = {n.split("/")[0] for n in existing.entries if re.fullmatch(r"\w+/.*\.py", n)}
    modules = {n[:-3] for n in existing.entries if re.fullmatch(r"\w+\.py", n)} - {"setup"}
    other = {"test", "tests", "docs", "doc", "examples", "scripts", "tools", "benchmarks", "build"}
    tops = {wanted} if wanted in tops else tops - other
    if len(tops) == 1:
        top = tops.pop()
        return {"tool.setuptools.packages.find": f"include = {_quoted([top, f'{top}.*'])}\n"}
    if not tops and len(modules) == 1:
        return {"tool.setuptools": f"py-modules = {_quoted(sorted(modules))}\n"}
    return {}


def _why(existing: Existing, merges: bool) -> str:
    python = existing.requires_python
    if because := apart_because(existing):
        cause, mend = because
    elif "project" in existing.pyproject and not any(map(existing.supports, RUNNING_PYTHONS)):
        cause = f"`requires-python = {_quoted(python)}` excludes Python 3.11, which it needs"
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


def _quoted(value: Any) -> str:
    return tomlkit.item(value).as_string()
