"""Bars as SVG in the page's colours: a histogram, and two of them over each other."""

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 300, 72


def bars(counts: Sequence[float], title: str, before: Sequence[float] | None = None) -> Markup:
    """Draw counts side by side, as wide as their place.

    Parameters
    ----------
    counts : sequence of float, shape (n,)
        The heights.
    title : str
        What a screen reader says in its place.
    before : sequence of float, optional, shape (n,)
        Drawn behind; both are shares then.
    """
    top = max([*counts, *(before or ()), 1e-300])
    step = WIDTH / max(len(counts), 1)
    gap = 1.0 if step > 4 else 0.0
    drawn = []
    for values, kind in ((before or (), "then"), (counts, "now")):
        for place, value in enumerate(values):
            if value <= 0:
                continue
            # A bar of one row among a million is seen, too.
            height = max(value / top * (HEIGHT - 2), 1.5)
            drawn.append(
                f'<rect class="{kind}" x="{place * step:.1f}" y="{HEIGHT - height:.1f}" '
                f'width="{step - gap:.1f}" height="{height:.1f}"/>'
            )
    label = escape(title)
    return Markup(
        f'<svg class="bars" role="img" aria-label="{label}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'preserveAspectRatio="none">{"".join(drawn)}</svg>'
    )
