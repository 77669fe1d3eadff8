"""What documents may hold, for steps that say what they need and what they provide (`Step.needs`, `Step.provides`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["part", "score", "label", "side table", "embeddings", "clustering"]
On = Literal["document", "image", "text"]


@dataclass(frozen=True, slots=True)
class Content:
    """A part of documents, a score, a label, a side table, embeddings of a kind, or a clustering of this name. A score belongs to
    documents, images or texts (`on`). `hint` says what to do if it is missing: which steps give it.

    Of embeddings `model` is the model's name and `version` tells its weights from others; of a clustering `of` is the kind of the
    embeddings that are clustered. "": not known, or any.
    """

    kind: Kind
    name: str
    on: On = "document"
    hint: str = field(default="", compare=False)
    model: str = field(default="", compare=False)
    version: str = field(default="", compare=False)
    of: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.kind == "score":
            return f"the score '{self.name}' of {self.on}s"
        if self.kind == "embeddings":
            return f"embeddings of kind '{self.name}'"
        return self.name if self.kind == "part" else f"the {self.kind} '{self.name}'"


Need = Content | tuple[Content, ...]
"""What a step cannot do without; of several in a tuple, one is enough."""


def _part(name: str, *given_by: str) -> Content:
    return Content("part", name, hint=f"{' or '.join(given_by)} would")


PAGE = _part("raw pages", "stages.read_html", "stages.read_warc")
"""`Document.body`: the page from which nothing has been extracted yet."""
TEXT = _part("running text", "stages.extract_html", "stages.transcribe_speech", "stages.read_documents")
"""Texts of the origins body and asr."""
IMAGES = _part("images", "stages.extract_html", "stages.extract_keyframes", "stages.read_documents")
"""Images, with or without bytes."""
IMAGE_BYTES = _part("the bytes of images", "stages.fetch_images", "stages.extract_keyframes")
IMAGE_SIZE = _part("the width and height of images", "stages.decode_images")
IMAGE_FORMAT = _part("the format of images", "stages.decode_images")
IMAGE_SHA256 = _part("the sha256 of images", "stages.fetch_images", "stages.decode_images")
IMAGE_PHASH = _part("the perceptual hash of images", "stages.decode_images")
VIDEO = _part("a video", "stages.read_video")
"""Clips that stand for a video file."""
KEYFRAMES = _part("keyframes", "stages.extract_keyframes")
"""Images with times."""
SPEECH = _part("speech", "stages.transcribe_speech")
"""Texts of the origin asr."""
SCREEN_TEXT = _part("text on screens", "stages.extract_screen_text")
"""Texts of the origin ocr."""
PARTS = (
    PAGE,
    TEXT,
    IMAGES,
    IMAGE_BYTES,
    IMAGE_SIZE,
    IMAGE_FORMAT,
    IMAGE_SHA256,
    IMAGE_PHASH,
    VIDEO,
    KEYFRAMES,
    SPEECH,
    SCREEN_TEXT,
)
"""All parts."""


def scores(on: On, *names: str) -> tuple[Content, ...]:
    """The scores of these names, of documents, images or texts."""
    return tuple(Content("score", name, on) for name in names)


def labels(*names: str) -> tuple[Content, ...]:
    """The labels of these names."""
    return tuple(Content("label", name) for name in names)


def side_table(name: str, hint: str = "") -> Content:
    """The side table of this name (`schemas.columns.SIDE_TABLES`); `hint` says what to do if it is missing."""
    return Content("side table", name, hint=hint)


OF_TEXTS = ("text", "sentence", "paragraph")
"""Kinds of embeddings that are of single texts or parts of them."""
EMBEDDINGS = side_table("embeddings", "stages.embed_images, stages.embed_texts or stages.score_clip would")
CLUSTERS = side_table("clusters", "stages.cluster_embeddings would")


def embeddings(kind: str, model: str | None = None, version: str | None = None) -> Content:
    """Rows of the side table `embeddings` of this kind: image, text, sentence, paragraph or document.

    Parameters:
        kind: The kind.
        model: The model that makes them; of a need, the model that is asked for. None: not known, or any.
        version: What tells the model's weights, or its prompt, from others. None: there are no others.
    """
    hint = "stages.embed_images or stages.embed_texts would"
    return Content("embeddings", kind, hint=hint, model=model or "", version=version or "")


def clustering(name: str, of: str = "") -> Content:
    """Rows of the side table `clusters` of the clustering of this name, of embeddings of the kind `of`."""
    return Content("clustering", name, hint="stages.cluster_embeddings of this `name` would", of=of)
