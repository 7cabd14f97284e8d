"""A template with its releases and the working tree as the next one, and repositories of it."""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest import mock

import copier
import yaml
from copier_mlops.rendering.versions import Rendered, Template
from copier_mlops.updating import update
from packaging.version import Version
from rendering import PROFILES, ROOT, SHOP, copy_working_tree, git, profile

RELEASES: dict[str, str] = tomllib.loads((ROOT / "releases.toml").read_text(encoding="utf-8"))
# Those whose code lay in the team's package, from which an update crosses the move to tools/kit.
BEFORE_THE_KIT = [version for version in RELEASES if Version(version) < Version("0.4")]

ANSWER_SETS: dict[str, dict[str, Any]] = {
    **{name: profile(name) for name in PROFILES},
    "regression": {
        "task": "regression",
        "functionality": "existing_rules",
        "personal_data": "none",
        "data_sources": ["files", "postgresql"],
    },
    "strings": {
        "project_name": 'Tienda «Ñandú» 🛒: "sí"',
        "package_name": "tienda",
        "task": "recommendation",
        "functionality": "existing_model",
        "hosting": "azure",
        "owner": "O'Brien & Söhne",
        "license": "Apache-2.0",
    },
}


def next_version() -> str:
    """Return the version that comes after every release."""
    newest = max(map(Version, RELEASES))
    return f"{newest.major}.{newest.minor + 1}.0"


NEXT = next_version()
BINARY, ARTIFICIAL = "90.0.0", "91.0.0"
FIRST_PICTURE, SECOND_PICTURE = b"\x89PNG\0one", b"\x89PNG\0two"
KIT = "template/tools/kit"
MANAGED = f"{KIT}/mlops_kit"


def versioned_template(destination: Path) -> Path:
    """Clone the template with a tag for each release, and the working tree tagged as the next.

    Nothing is written into releases.toml.
    """
    git("clone", "--quiet", "--no-checkout", str(ROOT), str(destination), cwd=ROOT)
    for version, commit in RELEASES.items():
        git("tag", f"v{version}", commit, cwd=destination)
    copy_working_tree(destination)
    git("add", "--all", cwd=destination)
    git("commit", "--quiet", "--allow-empty", "--message", "The working tree", cwd=destination)
    git("tag", f"v{NEXT}", cwd=destination)
    return destination


def add_version(template: Path, version: str, changes: Mapping[str, str | bytes | None]) -> None:
    """Commit changes of the template's files (None: removed) and tag them; not a release."""
    for name, content in changes.items():
        path = template / name
        if content is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    git("add", "--all", cwd=template)
    git("commit", "--quiet", "--message", f"Version {version}", cwd=template)
    git("tag", f"v{version}", cwd=template)


def with_artificial_versions(template: Path) -> Path:
    """Add two versions; between them happens every kind of change that an update must survive."""
    add_version(template, BINARY, {"template/logo.png": FIRST_PICTURE})
    platform = text_of(template, "questions/40-platform.yml").replace("    Azure: azure\n", "")
    slug = text_of(template, "questions/text.jinja").replace("_project", "_the_project")
    ignored = text_of(template, "template/.dvcignore")
    writing = text_of(template, f"{MANAGED}/core/files.py")
    renames = yaml.safe_load(text_of(template, "renames.yml"))
    renames["moved"] |= {
        "/.dvcignore": "/.dvc/ignored",
        "/conf/base.yaml": "/conf/common.yaml",
        "/tools/kit/mlops_kit/core/files.py": "/tools/kit/mlops_kit/core/whole_files.py",
    }
    renames["removed"].append("/.editorconfig")
    renames["choices"] = {"hosting": {"azure": "on_premises"}}
    add_version(
        template,
        ARTIFICIAL,
        {
            "template/logo.png": SECOND_PICTURE,
            "template/.dvcignore": None,
            "template/.dvc/ignored": f"# moved here, and changed\n{ignored}",
            f"{MANAGED}/core/files.py": None,
            f"{MANAGED}/core/whole_files.py": writing.replace("import", "# changed\nimport", 1),
            "template/.editorconfig": None,
            "template/conf/base.yaml.jinja": None,
            "template/conf/common.yaml.jinja": text_of(template, "template/conf/base.yaml.jinja"),
            "template/review.md.jinja": "Review every {{ review_days }} days.\n",
            "questions/40-platform.yml": platform.replace(', "azure"', "").replace(" or azure", ""),
            "questions/60-practice.yml": text_of(template, "questions/60-practice.yml")
            + "\nreview_days:\n  type: int\n  default: 14\n  help: How often is it reviewed?\n",
            "questions/text.jinja": slug,
            "renames.yml": yaml.safe_dump(renames),
        },
    )
    return template


@contextmanager
def memoised_versions(template: Path) -> Iterator[None]:
    """Let every update of this process share one clone, and each render of a version and answers.

    What is merged is the same; only work that would be repeated is left out.
    """
    with update.opened(str(template)) as shared:
        made: dict[str, Rendered] = {}

        def render_once(
            template: Template,
            commit: str,
            answers: Mapping[str, Any],
            *,
            given: Mapping[str, Any] | None = None,
            name: str = "",
        ) -> Rendered:
            # In their order, in which Copier writes them down too.
            key = repr((commit, name, list(answers.items()), list((given or {}).items())))
            if key not in made:
                made[key] = render_version(template, commit, answers, given=given, name=name)
            return made[key]

        render_version = update.render
        with (
            mock.patch.object(update, "opened", lambda _source: nullcontext(shared)),
            mock.patch.object(update, "render", render_once),
        ):
            yield


def text_of(template: Path, name: str) -> str:
    """Return the text of one of the template's files."""
    return (template / name).read_text(encoding="utf-8")


def render_at(template: Path, destination: Path, version: str, answers: Mapping[str, Any]) -> Path:
    """Render a version with plain Copier."""
    copier.run_copy(
        str(template),
        destination,
        data={**SHOP, **answers},
        defaults=True,
        quiet=True,
        vcs_ref=f"v{version}",
    )
    return destination


def repository(template: Path, destination: Path, version: str, answers: Mapping[str, Any]) -> Path:
    """Render a version and commit it."""
    render_at(template, destination, version, answers)
    git("init", "--quiet", cwd=destination)
    commit(destination)
    return destination


def commit(project: Path, message: str = "Work") -> None:
    """Commit everything."""
    git("add", "--all", cwd=project)
    git("commit", "--quiet", "--allow-empty", "--message", message, cwd=project)


def tracked(project: Path) -> dict[str, bytes]:
    """Return the files on disk that git does not ignore, but the report of an update."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=project)
    return {
        name: (project / name).read_bytes()
        for name in filter(None, listed.split("\0"))
        if name != "TEMPLATE_UPDATE.md" and (project / name).is_file()
    }


def state_of(top: Path) -> dict[str, object]:
    """Return all that an operation could change: files with modes and times, index, branches."""
    files = {
        path.relative_to(top).as_posix(): (
            str(path.readlink()) if path.is_symlink() else path.read_bytes(),
            path.lstat().st_mode,
            None if path.is_symlink() else path.lstat().st_mtime_ns,
        )
        for path in sorted(top.rglob("*"))
        if ".git" not in path.relative_to(top).parts and not path.is_dir()
    }
    folders = sorted(
        path.relative_to(top).as_posix()
        for path in top.rglob("*")
        if path.is_dir() and ".git" not in path.relative_to(top).parts
    )
    index = git("ls-files", "--stage", "--debug", cwd=top)
    refs = git("for-each-ref", cwd=top) + (top / ".git" / "HEAD").read_text()
    return {"files": files, "folders": folders, "index": index, "refs": refs}
