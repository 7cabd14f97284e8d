"""Unite .gitignore files so that neither hides what the other side keeps in git."""

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from copier_mlops.adopting.existing import Existing
from copier_mlops.git import git, path_in, run_git
from copier_mlops.rendering.versions import File

IGNORE = ".gitignore"
ADDED, MERGED, KEPT, LEFT = "added", "merged", "kept", "left out"
BESIDE = ".template"


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
    own = existing.bytes_of(IGNORE).decode() if IGNORE in existing.entries else ""
    theirs = own.replace("\r\n", "\n")
    around = existing.other_ignore_files
    folder = existing.repo.prefix
    differing, block = _narrowed(existing, files, theirs)
    if theirs and {line.strip() for line in block.splitlines()} <= {*theirs.splitlines(), ""}:
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
    return Change(IGNORE, before.action, before.why, file, tuple(differing))


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
    found = set()
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
