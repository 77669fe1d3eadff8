"""Collects the elements of a page that show pictures and clips, while `parse.py` traverses it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interloom.stages.extract_html.block_reader import BlockReader
from interloom.stages.extract_html.clips import clip_url
from interloom.stages.extract_html.formulas import formula_drawing, formula_element, formula_image, formula_script
from interloom.stages.extract_html.image_names import emoji_text
from interloom.stages.extract_html.listings import listing_text
from interloom.stages.extract_html.page import Medium, Node, Page, Reason
from interloom.stages.extract_html.picture_elements import is_picture, pictures_inside
from interloom.stages.extract_html.structured_images import item_url
from interloom.stages.extract_html.tags import HOLDS_PICTURES, TAG_FLAGS

_WITHOUT_PICTURES = ("-comment", "script")
_DRAWN_PICTURES = ("image", "img", "feImage")


class MediaReader(BlockReader):
    """The media that have been read, and the pictures in what is not read. `root` is the root of the parser's tree."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.root: Any = None
        self.read_media = set[int]()
        self.unread = list[Any]()  # the outermost elements whose content is not read
        self.left_out: dict[int, Reason] = {}  # by `mem_id`, why the pictures in those that have been left out are

    def add_medium(self, node: Node, parsed: Any) -> None:
        link = self.links[-1] if self.links else ""
        self.page.media.append(Medium(node, node.block_start, self.chars, self.noscript_depth > 0, link))
        self.read_media.add(parsed.mem_id)
        if node.tag == "img":
            emoji = emoji_text(node.attributes)
            self.add_text(emoji)
            self.gap = self.links_meet = not emoji  # a picture stands between the words before and after it

    def leave_out(self, parsed: Any, reason: Reason = "in_boilerplate") -> None:
        """Remembers an element whose content is not read, for the sake of its pictures."""
        self.left_out[parsed.mem_id] = reason

    def note_pictures(self) -> None:
        """Notes the pictures of the page that have not been read, with the reasons of the elements left out."""
        for element in self.unread if self.left_out else ():
            for _, url in pictures_inside(element, self.read_media):
                self.page.skipped_pictures.append((url, self.left_out.get(element.mem_id, "in_boilerplate")))

    def is_replaced(self, node: Node, parsed: Any) -> bool:
        """Whether a plug-in or frame is shown, and not what stands in it, as pictures do for browsers without the plug-in."""
        if parsed.child is None or parsed.css_first("img") is None:
            return True
        if node.tag == "object" and not is_picture(node) and not clip_url(node, {}):
            return False
        self.leave_out(parsed, "preview")
        return True

    def add_drawing(self, parsed: Any) -> None:
        """Counts a drawing, or adds the pictures or the formula that it consists of."""
        has_pictures = any(node.tag in _DRAWN_PICTURES for node in parsed.traverse())
        pictures = parsed.css(", ".join(_DRAWN_PICTURES)) if has_pictures else []
        self.page.svg_count += 0 if pictures else 1
        for picture in pictures:
            node = Node(picture.tag or "", self.node, picture.attributes, len(self.blocks), len(self.nodes), TAG_FLAGS["image"])
            self.nodes.append(node)
            self.add_medium(node, picture)
        formula = formula_drawing(parsed.attributes, parsed)
        if formula is not None:
            self.add_formula(formula)

    def pass_by(self, tag: str, parsed: Any) -> None:
        """Reads what counts of an element whose content is not read: a line break, a drawing, data."""
        if tag not in _WITHOUT_PICTURES:
            self.unread.append(parsed)
        if tag == "br":
            self.break_line()
        elif tag == "svg":
            self.add_drawing(parsed)
        elif tag == "input":
            self.page.input_positions.append(len(self.nodes))
            if "image" in (parsed.attributes.get("type") or "").lower():
                self.leave_out(parsed, "control")
        elif tag in HOLDS_PICTURES:
            self.leave_out(parsed)
        elif tag in ("script", "meta", "link"):
            self.note_data(tag, parsed)

    def note_data(self, tag: str, parsed: Any) -> None:
        """Reads the formula in a script of MathJax, and the address of a picture in microdata."""
        formula = formula_script(parsed) if tag == "script" else None
        url = item_url(parsed.attributes) if tag != "script" else ""
        if formula is not None:
            self.add_formula(formula)
        if url and self.node is not None:
            self.page.item_urls.append((self.node.number, url))

    def formula(self, tag: str, attributes: Mapping[str, str | None], parsed: Any) -> bool:
        """Whether an element is a formula, a picture of one, or a listing; its TeX or text is read instead of its content."""
        if listing := listing_text(attributes.get("class") or "", parsed):
            self.leave_out(parsed)
            self.add_listing(listing)
            return True
        formula = formula_image(attributes) if tag == "img" else formula_element(tag, attributes, parsed)
        if formula is None or self.noscript_depth:
            return False
        self.leave_out(parsed, "formula")
        self.add_formula(formula)
        return True
