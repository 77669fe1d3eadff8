"""The lists of files that code hosts show above the text of a repository."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import unquote

from interloom.stages.extract_html.block_text import CELL_SEPARATOR
from interloom.stages.extract_html.page import Block, Node, Page

_FILE = re.compile(r"/(?:blob|tree|src|raw|browse)/|[?;&]a=(?:blob|tree)\b")
"""A link to a file, or to a folder, of a repository: GitHub, GitLab, Gitea, Bitbucket, cgit, gitweb, Hugging Face."""
_MIN_FILES = 3
"""Fewer files are no list. Our choice."""
_MIN_SHARE = 0.6
"""A table or list is one of files if so many of its blocks are rows of files. Our choice."""
_MAX_ROW_CHARS = 300
"""A longer block is no row of such a list. Our choice."""
_NEAR_NODES = 20
"""So many nodes of a block are looked at for its links. Our choice; bounds time on nested elements."""
_MIN_OTHER_CHARS = 500
"""A list stays on a page with less other text: it may be what the page is about. Our choice."""
_TEXTS = re.compile(r"markdown|readme|prose", re.IGNORECASE)
"""The class or id of what code hosts put around a text; a list of files in it is a part of the text."""


def without_file_lists(page: Page, is_content: Sequence[bool]) -> list[bool]:
    """`is_content` without the lists of a repository's files, on a page with other text."""
    lists: dict[int, list[int]] = {}
    holders: dict[int, Node] = {}
    for n, block in enumerate(page.blocks):
        may_be = block.link_chars and (is_content[n] or block.node.closest("tr")) and len(block.text) <= _MAX_ROW_CHARS
        if may_be and _is_file(page, n, block):
            holder = block.node.closest("table") or _list_of(block)
            if holder is not None:
                holders[holder.number] = holder
                lists.setdefault(holder.number, []).append(n)
    chosen = list(is_content)
    if all(len(files) < _MIN_FILES for files in lists.values()):
        return chosen
    for number, files in lists.items():
        holder = holders[number]
        inside = range(holder.block_start, min(holder.block_end, len(chosen)))
        if len(files) >= _MIN_FILES and len(files) >= _MIN_SHARE * sum(chosen[n] for n in inside) and not _is_in_text(holder):
            chosen[inside.start : inside.stop] = [False] * len(inside)
    if sum(len(block.text) for block, keep in zip(page.blocks, chosen, strict=True) if keep) < _MIN_OTHER_CHARS:
        return list(is_content)
    return chosen


def _is_file(page: Page, n: int, block: Block) -> bool:
    """Whether a cell of a row, or the whole block, is the name of the file that its link leads to."""
    node, names = block.node, {cell.strip().rpartition("/")[2] for cell in block.text.split(CELL_SEPARATOR)}
    near = page.nodes[node.number : min(node.end, node.number + _NEAR_NODES)]
    inside = [link for link in near if link.tag == "a" and link.block_start == n]
    links = inside or filter(None, [block.inner_node.closest("a")])
    addresses = [unquote(link.attributes.get("href") or "") for link in links]
    return any(_FILE.search(url) and any(name and name in url for name in names) for url in addresses)


def _list_of(block: Block) -> Node | None:
    item = block.node.closest("li")
    return item.parent if item is not None else None


def _is_in_text(node: Node) -> bool:
    holder: Node | None = node
    while holder is not None:
        names = f"{holder.attributes.get('class') or ''} {holder.attributes.get('id') or ''}"
        if holder.tag == "article" or _TEXTS.search(names):
            return True
        holder = holder.parent
    return False
