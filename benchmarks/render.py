"""Compare our render with a plain Copier copy of as many files and bytes without any Jinja.

Run with `PYTHONPATH=tests/support uv run --frozen python benchmarks/render.py [--json]`.

Both are Copier itself, as installed and unpatched, from a git repository with one tag. The peer's
tree is what our render wrote, so that both write the same bytes; twice and four times that tree
show how the cost grows with the number of files.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from measuring import Cost, cost_of, measured
from rendering import SHOP, files_of, git, render, tagged_template

REPEATS = 7


def plain_template(rendered: Path, destination: Path, times: int) -> Path:
    """Make a template without questions or Jinja that holds the rendered tree several times."""
    for number in range(times):
        folder = destination / "tree" if number == 0 else destination / "tree" / f"copy-{number}"
        # Not its git repository, which is no part of what was rendered.
        for name, content in files_of(rendered).items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    (destination / "copier.yml").write_text("_subdirectory: tree\n", encoding="utf-8")
    git("init", "--quiet", cwd=destination)
    # --force, because the tree brings ignore files of its own.
    git("add", "--all", "--force", cwd=destination)
    git("commit", "--quiet", "--message", "A tree", cwd=destination)
    git("tag", "v0.1.0", cwd=destination)
    return destination


def typical(act: Callable[[Path], object], scratch: Path) -> Cost:
    """Repeat into new folders and return the run with the median CPU seconds."""
    costs = []
    for number in range(REPEATS + 1):
        target = scratch / f"render-{number}"
        costs.append(cost_of(lambda target=target: act(target)))
        shutil.rmtree(target)
    # The first one pays for imports and for what the disk had not read yet.
    return sorted(costs[1:], key=lambda cost: cost.cpu)[REPEATS // 2]


def measure(scratch: Path) -> dict[str, dict[str, float]]:
    """Measure our render and its peers; each entry also says how much was written."""
    ours = tagged_template(scratch / "template")
    rendered = render(scratch / "rendered", SHOP, template=ours)
    templates = {"ours": ours} | {
        f"plain copy, {times}x": plain_template(rendered, scratch / f"plain-{times}", times)
        for times in (1, 2, 4)
    }
    figures = {}
    for name, template in templates.items():
        answers = SHOP if name == "ours" else {}
        written = files_of(render(scratch / "once", answers, template=template))
        shutil.rmtree(scratch / "once")
        cost = typical(
            lambda target, answers=answers, template=template: render(
                target, answers, template=template
            ),
            scratch,
        )
        size = sum(len(content) for content in written.values())
        figures[name] = {"files": len(written), "bytes": size, **asdict(cost)}
    return figures


def main() -> None:
    """Measure in a temporary folder and print."""
    as_json, about, figures = measured(__doc__ or "", measure)
    if as_json:
        print(json.dumps({"machine": about, **figures}, indent=2))
        return
    print(f"{about}\n\n{'':<18}{'files':>6}{'KB':>8}{'wall s':>8}{'CPU s':>8}{'ratio':>7}")
    for name, figure in figures.items():
        ratio = figure["cpu"] / figures["plain copy, 1x"]["cpu"]
        print(
            f"{name:<18}{figure['files']:6.0f}{figure['bytes'] / 1000:8.0f}"
            f"{figure['wall']:8.2f}{figure['cpu']:8.2f}{ratio:7.1f}"
        )
    print("\nratio: CPU seconds over those of the plain copy of as many files and bytes")


if __name__ == "__main__":
    main()
