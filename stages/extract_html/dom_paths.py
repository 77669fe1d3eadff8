"""The paths of elements in the DOM."""

from __future__ import annotations

from collections.abc import Sequence

from interloom.stages.extract_html.page import Node, children


class DomPaths:
    """Paths from the root, counted among siblings of the same tag from 1, without `[1]`: `html/body/p[2]`."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes
        self._known: dict[int, str] = {}

    def path(self, node: Node) -> str:
        path = self._known.get(node.number)
        return path if path is not None else self._compute(node)

    def _compute(self, node: Node) -> str:
        """Also computes the paths of all siblings, and of the ancestors (with siblings) whose paths are not known yet."""
        unknown = [node]
        while (parent := unknown[-1].parent) is not None and parent.number not in self._known:
            unknown.append(parent)
        for ancestor in reversed(unknown):
            parent = ancestor.parent
            start = self._known[parent.number] + "/" if parent is not None else ""
            counts: dict[str, int] = {}
            for sibling in children(self._nodes, parent) if parent is not None else [ancestor]:
                nth = counts[sibling.tag] = counts.get(sibling.tag, 0) + 1
                self._known[sibling.number] = f"{start}{sibling.tag}" if nth == 1 else f"{start}{sibling.tag}[{nth}]"
        return self._known[node.number]
