"""Fit what the template adds to files of theirs: rules, line ends, registry, what it writes."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from copier_mlops.adopting.existing import Existing, decoded
from copier_mlops.git import git, path_in, run_git
from copier_mlops.rendering.versions import File

IGNORE = ".gitignore"
ADDED, MERGED, KEPT, LEFT = "added", "merged", "kept", "left out"
BESIDE = ".template"
DATABASE = re.compile(r"sqlite:///([\w./-]+)\.db\b")
RECORDS = ("data/inputs.json", "data/systems.json", "data/holdouts.json")
"""What ``mlops run`` writes beside the outs of dvc.yaml, and people commit."""
RULES = (".gitignore", ".gitattributes", ".dvcignore", ".dvc/.gitignore", ".dvc/config")
"""Files that git and DVC read as UTF-8 only."""
NOT_READ = (
    "yours was UTF-16, which git and DVC cannot read, so that none of its lines counted; it is "
    "UTF-8 now, and they count"
)


@dataclass(frozen=True)
class Change:
    """What becomes of one path, and why."""

    path: str
    action: str
    why: str = ""
    file: File | None = None
    differing: tuple[str, ...] = ()


def united_rules(
    existing: Existing, files: Mapping[str, File], changes: list[Change], later: list[str]
) -> Change | None:
    """Return the change of .gitignore: their rules, then the template's as one block.

    A rule of the template that would hide what they track is narrowed to what the pipeline writes;
    what their rules would hide of the template (of ``changes``, and the paths that come ``later``)
    is shown again. None: theirs is left alone.
    """
    before = next((change for change in changes if change.path == IGNORE), None)
    if before is None or before.file is None:
        return None
    own, wide = decoded(existing.bytes_of(IGNORE)) if IGNORE in existing.entries else ("", False)
    theirs = own.replace("\r\n", "\n")
    around = existing.other_ignore_files
    folder = existing.repo.prefix
    differing, block = _narrowed(existing, files, theirs)
    known = {line.strip() for line in block.splitlines()} <= {*theirs.splitlines(), ""}
    if theirs and not wide and known:
        return Change(IGNORE, KEPT, "it has all of the template's rules")
    shipped = [c.path for c in changes if c.action == ADDED and not c.path.endswith(BESIDE)]
    shipped += [name for name in later if name not in existing.entries]
    parents = {f"{parent}/" for n in shipped for parent in PurePosixPath(n).parents if parent.name}
    if theirs and not theirs.endswith("\n"):
        theirs += "\n"
    names = [*sorted(parents, key=len), *sorted(shipped)]
    while hidden := matches(theirs, names, around, folder):
        # The uppermost first: git does not look below an ignored folder.
        name = next(name for name in names if name in hidden)
        names.remove(name)
        shown = f"{theirs}!/{name}\n"
        hides = f"your rule `{hidden[name]}` would hide the template's {name}"
        if name in matches(shown, [name], around, folder):
            # A .gitignore further down has the last word.
            names = [other for other in names if not other.startswith(name)]
            differing.append(f"{hides}: `git add --force` what is new there")
        else:
            theirs = shown
            differing.append(f"{hides}: shown again")
    text = f"{theirs}\n# From the template.\n{block}" if theirs else block
    records = [line[2:] for line in block.splitlines() if line.startswith("!/data/")]
    hidden = matches(text, records, around, folder)
    if hidden:
        listing, rules = ", ".join(hidden), ", ".join({*hidden.values()})
        differing.append(f"your rule `{rules}` hides {listing}: `git add --force` these records")
    if "\r\n" in own:
        text = text.replace("\n", "\r\n")
    file = File(text.encode(), before.file.mode)
    return Change(IGNORE, before.action, before.why, file, (*before.differing, *differing))


def _narrowed(existing: Existing, files: Mapping[str, File], theirs: str) -> tuple[list[str], str]:
    """Return the template's rules without those that would hide tracked files, and what changed."""
    block = files[IGNORE].content.decode()
    tracked = [name for name in existing.entries if name.isprintable()]
    # What they track against their own rules (a .env, say) is not for us to show.
    own = matches(theirs, tracked, existing.other_ignore_files, existing.repo.prefix)
    tracked = [name for name in tracked if name not in own]
    hiding = matches(block, tracked)
    differing = []
    for rule in sorted(set(hiding.values())):
        names = [name for name, found in hiding.items() if found == rule]
        if rule.endswith(("/", "/*")):
            # Git does not look below an ignored folder, so only what the pipeline writes is named.
            below = [line for line in _outs(files) if matches(rule, [f"{line.strip('/')}/x"])]
            instead = [line for line in below if not matches(line, tracked)]
            lines = instead
        else:
            instead = [f"!/{name}" for name in names]
            lines = [rule, *instead]
        block = re.sub(
            rf"^{re.escape(rule)}\n",
            lambda _, lines=lines: "".join(f"{line}\n" for line in lines),
            block,
            flags=re.MULTILINE,
        )
        differing.append(
            f"the template's rule `{rule}` would hide {names[0]}"
            + (f" and {len(names) - 1} more" if names[1:] else "")
            + ", which you track; "
            + (f"instead there is: {' '.join(instead)}" if instead else "it is left out")
        )
    return differing, block


def _outs(files: Mapping[str, File]) -> list[str]:
    """Return rules for exactly what the pipeline writes."""
    content = yaml.safe_load(files["dvc.yaml"].content) if "dvc.yaml" in files else {}
    found = {"/models/registration.json"}  # `mlops run` writes it beside the outs
    for stage in content.get("stages", {}).values():
        for out in stage.get("outs", []):
            path = PurePosixPath(next(iter(out)) if isinstance(out, dict) else out)
            found.add(f"/{'/'.join(path.parts[:2])}/" if len(path.parts) > 2 else f"/{path}")
    return sorted(found)


def matches(
    rules: str, names: list[str], around: Mapping[str, bytes] | None = None, folder: str = ""
) -> dict[str, str]:
    """Return which rule ignores each path, as git itself reads the rules.

    Parameters
    ----------
    rules : str
        The .gitignore of the adopted folder.
    names : list of str
        Paths below that folder.
    around : mapping
        The repository's other .gitignore files, by path from the top.
    folder : str
        The adopted folder's path from the top, with a slash at its end.
    """
    if not names:
        return {}
    with tempfile.TemporaryDirectory(prefix="copier-mlops-ignore-") as scratch:
        git("init", "--quiet", "--template=", scratch, cwd=Path(scratch))
        for name, content in {**(around or {}), f"{folder}{IGNORE}": rules.encode()}.items():
            path = path_in(Path(scratch), name)
            path.parent.mkdir(parents=True, exist_ok=True)
            # check-ignore takes a line of blanks for a rule that hides every folder; git does not.
            path.write_bytes(re.sub(rb"^ +$", b"", content, flags=re.MULTILINE))
        asked = "".join(f"{folder}{name}\0" for name in names)
        data = asked.encode("utf-8", "surrogateescape")
        command = (
            "-c",
            "core.excludesFile=",
            "check-ignore",
            "--no-index",
            "--verbose",
            "--stdin",
            "-z",
        )
        output = run_git(*command, cwd=Path(scratch), data=data, ok=(0, 1))[1]
    fields = output.decode("utf-8", "surrogateescape").split("\0")
    rows = zip(fields[2::4], fields[3::4], strict=True)
    found = {name: rule for rule, name in rows if not rule.startswith("!")}
    return {name.removeprefix(folder): rule for name, rule in found.items()}


def fitted(existing: Existing, name: str, content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a file of the template as it may be added here, and what differs, in sentences."""
    if name == ".gitattributes":
        return attributes(existing, content), ()
    if re.fullmatch(r"conf/(mlops/)?(dev|staging|prod)\.yaml", name):
        return _registry_apart(existing, content.decode())
    if name == "dvc.yaml":
        return content, tuple(_written_over(existing, content))
    return content, ()


def attributes(existing: Existing, shipped: bytes) -> bytes:
    """Leave out the rule about line ends where it would change committed files."""
    listing = run_git("ls-files", "--eol", "-z", "--", ".", cwd=existing.repo.folder)[1]
    if not re.search(rb"(?:^|\0)i/(crlf|mixed)\s", listing):
        return shipped
    return b"".join(line for line in shipped.splitlines(True) if b"text=auto" not in line)


def _registry_apart(existing: Existing, text: str) -> tuple[bytes, tuple[str, ...]]:
    """Name another file for the registry where they have a database of MLflow at its place."""
    differing = []

    def apart(found: re.Match[str]) -> str:
        theirs = f"{found[1]}.db"
        if not (existing.repo.folder / theirs).exists():
            return found[0]
        differing.append(
            f"you have a `{theirs}`, which a newer MLflow would change: the template's registry is "
            f"`{found[1]}-mlops.db`"
        )
        return f"sqlite:///{found[1]}-mlops.db"

    return DATABASE.sub(apart, text).encode(), tuple(differing)


def _written_over(existing: Existing, content: bytes) -> list[str]:
    """Say which files that they track the pipeline would write."""
    places = dict.fromkeys(RECORDS, "`mlops run`")
    for stage, about in yaml.safe_load(content)["stages"].items():
        for out in about.get("outs", []):
            places[next(iter(out)) if isinstance(out, dict) else out] = f"its stage {stage}"
    found = []
    for place, who in places.items():
        names = [n for n in existing.entries if n == place or n.startswith(f"{place}/")]
        if names:
            more = f" and {len(names) - 1} more" if names[1:] else ""
            found.append(
                f"you track {names[0]}{more}, where {who} writes: give yours another place "
                "(`git mv`) before the first `mlops run`"
            )
    return found
