"""Flow charts in the words of mermaid, drawn as SVG: for pages that may run no foreign script.

Nodes `id[text]` and `id[(text)]`, chains of `-->`, `-.->` and `-->|text|`, `subgraph` as a list of
nodes: what the documents of this template use. Anything else is refused, not left out.
"""

import re
from collections.abc import Iterator
from html import escape
from typing import NamedTuple

NODE = re.compile(r"\s*([\w-]+)(?:\[\(([^)]*)\)\]|\[([^\]]*)\])?")
ARROW = re.compile(r"\s*(-->|-\.->)\s*(?:\|([^|]*)\|)?|\s*(--|-\.)\s+(.+?)\s+(?:-->|\.->)")
# Of a letter, a line, the space in and between boxes, and the least width of one, in pixels.
LETTER, LINE, PAD, GAP, LEAST = 7.2, 17, 10, 34, 90
MOST = 26  # letters of a line


class Edge(NamedTuple):
    """An arrow between two nodes, with what is written on it."""

    source: str
    target: str
    words: str
    dashed: bool


class Place(NamedTuple):
    """Where a node stands, and how large it is."""

    x: float
    y: float
    width: float
    height: float


class Chart(NamedTuple):
    """Texts of the nodes by id, which of them are stores, and the arrows."""

    nodes: dict[str, str]
    stores: set[str]
    edges: list[Edge]


def parse(text: str) -> Chart:
    """Read a flow chart.

    Raises
    ------
    ValueError
        With the line that is not understood.
    """
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    if not lines or not re.fullmatch(r"(flowchart|graph) (LR|TD|TB)", lines[0]):
        raise ValueError(f"no flow chart: {lines[0] if lines else ''}")
    chart = Chart({}, set(), [])
    for line in lines[1:]:
        if line == "end" or line.startswith("subgraph "):
            continue
        _read(line, chart)
    return chart


def _read(line: str, chart: Chart) -> None:
    at, before, arrow = 0, "", ("", False)
    while at < len(line):
        found = NODE.match(line, at)
        if not found:
            raise ValueError(line)
        name, store, box = found.groups()
        if store is not None or box is not None:
            chart.nodes[name] = (box if store is None else store).strip()
        chart.nodes.setdefault(name, name)
        if store is not None:
            chart.stores.add(name)
        if before:
            chart.edges.append(Edge(before, name, *arrow))
        before, at = name, found.end()
        if not line[at:].strip():
            return
        pointed = ARROW.match(line, at)
        if not pointed:
            raise ValueError(line)
        plain, words, dashes, said = pointed.groups()
        arrow = ((words or said or "").strip(), "." in (plain or dashes or ""))
        at = pointed.end()


def ranks(chart: Chart) -> dict[str, int]:
    """Return the row of each node: one below those before it; arrows back count for nothing."""
    after: dict[str, list[str]] = {name: [] for name in chart.nodes}
    for edge in chart.edges:
        after[edge.source].append(edge.target)
    order: list[str] = []
    state: dict[str, int] = {}
    back: set[tuple[str, str]] = set()

    def visit(name: str) -> None:
        state[name] = 1
        for target in after[name]:
            if state.get(target) == 1:
                back.add((name, target))
            elif target not in state:
                visit(target)
        state[name] = 2
        order.append(name)

    for name in chart.nodes:
        if name not in state:
            visit(name)
    row = dict.fromkeys(chart.nodes, 0)
    for name in reversed(order):
        for target in after[name]:
            if (name, target) not in back:
                row[target] = max(row[target], row[name] + 1)
    led_to = {edge.target for edge in chart.edges if (edge.source, edge.target) not in back}
    for name in chart.nodes:  # what nothing leads to stands right above what it leads to
        if name not in led_to and after[name]:
            row[name] = max(min(row[target] for target in after[name]) - 1, 0)
    return row


def svg(text: str, title: str) -> str:
    """Draw a flow chart from top to bottom, which a phone shows too; colours follow the page's.

    Parameters
    ----------
    text : str
        As between the fences of a mermaid block.
    title : str
        What a screen reader says in its place.
    """
    chart, said = parse(text), escape(title)
    row = ranks(chart)
    lines = {name: list(_wrapped(words)) for name, words in chart.nodes.items()}
    wide = {
        name: max(LETTER * max(map(len, each)) + 2 * PAD, LEAST) for name, each in lines.items()
    }
    rows: dict[int, list[str]] = {}
    for name in chart.nodes:
        rows.setdefault(row[name], []).append(name)
    widths = {at: sum(wide[name] + GAP for name in names) - GAP for at, names in rows.items()}
    middle, y = max(widths.values()) / 2 + 2, 2.0
    place: dict[str, Place] = {}
    for at in sorted(rows):
        high = max(LINE * len(lines[name]) + 2 * PAD for name in rows[at])
        x = middle - widths[at] / 2
        for name in rows[at]:
            place[name] = Place(x, y, wide[name], high)
            x += wide[name] + GAP
        y += high + GAP
    edge = 2 * middle
    backs = [each for each in chart.edges if row[each.target] <= row[each.source]]
    total = edge + 46 * len(backs) + (LETTER * max((len(one.words) for one in backs), default=0))
    parts = [
        _back(each, place, edge + 46 * backs.index(each)) if each in backs else _down(each, place)
        for each in chart.edges
    ]
    parts += [_node(lines[name], place[name], name in chart.stores) for name in chart.nodes]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {y - GAP + 2:.0f}" '
        f'width="{total:.0f}" role="img" aria-label="{said}" style="max-width:100%;height:auto" '
        'font-family="system-ui,sans-serif" font-size="13" fill="none" stroke="currentColor">'
        f"<title>{said}</title>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" '
        'fill="currentColor" stroke="none"/></marker></defs>'
        f"{''.join(parts)}</svg>\n"
    )


def _wrapped(words: str) -> Iterator[str]:
    line = ""
    for word in words.split():
        if line and len(line) + 1 + len(word) > MOST:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def _node(lines: list[str], place: Place, store: bool) -> str:
    x, y, width, height = place
    half = width / 2
    if store:
        shape = (
            f'<path d="M{x:.1f} {y + 6:.1f}v{height - 12:.1f}a{half:.1f} 6 0 0 0 {width:.1f} 0'
            f"v{12 - height:.1f}a{half:.1f} 6 0 0 0 {-width:.1f} 0"
            f'a{half:.1f} 6 0 0 0 {width:.1f} 0"/>'
        )
    else:
        shape = f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6"/>'
    top = y + height / 2 - LINE * (len(lines) - 1) / 2 + 4.5 + (3 if store else 0)
    texts = (_words(line, x + half, top + LINE * at, "middle") for at, line in enumerate(lines))
    return shape + "".join(texts)


def _words(words: str, x: float, y: float, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor" '
        f'stroke="none">{escape(words)}</text>'
    )


def _down(edge: Edge, place: dict[str, Place]) -> str:
    """Draw an arrow from the foot of a node to the head of one below it."""
    one, other = place[edge.source], place[edge.target]
    x, y = one.x + one.width / 2, one.y + one.height
    to_x, to_y = other.x + other.width / 2, other.y
    bend = (to_y - y) / 2
    path = (
        f"M{x:.1f} {y:.1f}C{x:.1f} {y + bend:.1f} "
        f"{to_x:.1f} {to_y - bend:.1f} {to_x:.1f} {to_y:.1f}"
    )
    words = _words(edge.words, (x + to_x) / 2 + 8, (y + to_y) / 2 + 4, "start")
    return _path(path, edge) + (words if edge.words else "")


def _back(edge: Edge, place: dict[str, Place], side: float) -> str:
    """Draw an arrow back up, round the right side of everything."""
    one, other = place[edge.source], place[edge.target]
    x, y = one.x + one.width, one.y + one.height / 2
    to_x, to_y = other.x + other.width, other.y + other.height / 2
    right = side + 30
    path = (
        f"M{x:.1f} {y:.1f}C{right:.1f} {y:.1f} {right:.1f} {y:.1f} {right:.1f} {(y + to_y) / 2:.1f}"
        f"S{right:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    )
    words = _words(edge.words, right + 6, (y + to_y) / 2 + 4, "start")
    return _path(path, edge) + (words if edge.words else "")


def _path(path: str, edge: Edge) -> str:
    dashes = ' stroke-dasharray="4 4"' if edge.dashed else ""
    return f'<path d="{path}" marker-end="url(#tip)"{dashes}/>'
