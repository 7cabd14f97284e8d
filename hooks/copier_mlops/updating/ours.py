"""Read what a repository holds of the files that the template renders, also where it moved them."""

from collections.abc import Iterable, Mapping

from copier_mlops.errors import ToolError
from copier_mlops.git import Entry, Repository, read_blobs
from copier_mlops.rendering.renames import Renames
from copier_mlops.rendering.versions import File, Rendered
from copier_mlops.updating.merge import BESIDE, is_elsewhere, kind_of
from copier_mlops.updating.migration import CONFTEST, PYPROJECT

SUBMODULE = "160000"


def read_ours(
    repo: Repository,
    tree: Mapping[str, Entry],
    base: Rendered,
    theirs: Rendered,
    renames: Renames,
) -> dict[str, File]:
    """Read the tracked files that matter: rendered ones, and those that may be a moved one.

    Raises
    ------
    ToolError
        A submodule stands where the template has a file.
    """
    rendered = base.files.keys() | theirs.files.keys()
    for name in sorted(rendered & tree.keys()):
        if tree[name].mode == SUBMODULE:
            raise ToolError(f"{name} is a submodule, and the template has a file there.")
    ours = read_files(repo, tree, rendered & tree.keys())
    gone = {
        kind_of(name)
        for name, file in base.files.items()
        if (name in renames.split or theirs.files.get(renames.moved.get(name, name), file) != file)
        and is_elsewhere(name, ours.get(name), file, tree)
    }
    others = {name for name in tree.keys() - rendered if kind_of(name) in gone}
    others |= {f"{name}{BESIDE}" for name in renames.moved} & tree.keys()
    others |= {CONFTEST, f"src/{PYPROJECT}"} & tree.keys()
    return ours | read_files(repo, tree, others)


def read_files(
    repo: Repository, tree: Mapping[str, Entry], names: Iterable[str]
) -> dict[str, File]:
    """Read files of a commit, but no submodules."""
    wanted = sorted(name for name in names if tree[name].mode != SUBMODULE)
    blobs = read_blobs(repo, (tree[name].oid for name in wanted))
    return {name: File(blobs[tree[name].oid], tree[name].mode) for name in wanted}
