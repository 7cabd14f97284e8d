"""The page that a demo ends with."""

from pathlib import Path
from typing import Any

from mlops_kit.compare.report.page import template_in

STORIES = {
    "promoted": "Seen, retrained, better, promoted; the alarm has cleared.",
    "kept": "Seen, retrained, not better, kept; once the feed was mended the alarm cleared.",
}


def demo_page(result: dict[str, Any], project: str) -> str:
    """Write demo.html: the ending, and every step with its page."""
    good = result["expected"]
    return template_in(Path(__file__).parent).render(
        word="The loop closed" if good else "Not as expected",
        colour="promote" if good else "reject",
        project=project,
        story=STORIES[result["ending"]] if good else "A step went otherwise: see which below.",
        seconds=f"{result['seconds']:.0f}",
        steps=result["steps"],
    )
