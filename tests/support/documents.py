"""A rendered document, followed to the letter: a block with a title is the file of that name."""

import re
from dataclasses import dataclass

from running import Project

FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file that it shows, or "", and its text."""

    language: str
    file: str
    text: str


def blocks(text: str) -> list[Block]:
    """Find the fenced blocks of a document."""
    return [Block(*found) for found in FENCE.findall(text)]


def followed(project: Project, page: str) -> Project:
    """Do what a page says up to the first command that runs the pipeline."""
    for block in blocks((project.path / page).read_text(encoding="utf-8")):
        if block.language == "sh" and "mlops run" in block.text:
            break
        do(project, block)
    return project


def do(project: Project, block: Block) -> None:
    """Write the file that a block shows, or run its commands; other blocks are read only."""
    if block.file:
        file = project.path / block.file
        assert file.is_file(), f"the document changes {block.file}, which is not rendered"
        file.write_text(block.text, encoding="utf-8", newline="\n")
    elif block.language == "sh":
        project.run("bash", "-e", "-c", block.text)
