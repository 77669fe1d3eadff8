"""Retrieval and balance of planted topics, skewed 1000 : 1: `python -m benchmarks planted_topics [--most 1000] [--cap 20]`.

A topic is a square of a colour and a pattern on a background, 72 in all, which the demo's small CLIP tells apart in 97 % of the
pictures; the most frequent one has `--most` documents, the rarest a thousandth of that, at least one. A document has a picture of
its topic and, among others, a sentence on a scene of another one, drawn with the same skew. The recipe embeds both with the CLIP,
retrieves three sentences of other documents for each picture, clusters the pictures, and caps the clusters. Precision is the
share of retrieved sentences that are on the picture's topic; a picture is asked for at most as many as the corpus has. What was
made of the skew is told by the counts of topics.
"""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import json
import math
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks import _machine
from interloom.jobs.demo import run as demo_run
from interloom.jobs.demo import shapes
from interloom.pipeline.execution.driver import execute
from interloom.pipeline.execution.runner_local import LocalRunner
from interloom.pipeline.planning.plan import make_plan
from interloom.pipeline.planning.recipe import read_recipe
from interloom.schemas.document import Document, Text

MODEL = {"model": str(Path(demo_run.__file__).parent / "assets" / "shapes_clip"), "device": "cpu"}
PROSE = "Visitors of the show write what they have seen there in the morning of day"
Topic = tuple[str, str, str]
TOPICS: Sequence[Topic] = list(itertools.product(shapes.COLOURS, shapes.PATTERNS, shapes.BACKGROUNDS))


def topic_counts(most: int, chance: random.Random) -> dict[Topic, int]:
    """How many documents each topic has: a geometric series from `most` down to a thousandth, over the topics in random order."""
    order = chance.sample(list(TOPICS), len(TOPICS))
    return {topic: max(1, round(most * 1000 ** (-n / (len(order) - 1)))) for n, topic in enumerate(order)}


def rows(counts: dict[Topic, int]) -> list[dict[str, Any]]:
    """The documents, in random order, as rows of OBELICS; the URL names the topic."""
    chance = random.Random(3)
    topics = [topic for topic, count in counts.items() for _ in range(count)]
    chance.shuffle(topics)
    captions = chance.sample(topics, len(topics))
    return [_row(n, topic, other, chance) for n, (topic, other) in enumerate(zip(topics, captions, strict=True))]


def _row(number: int, topic: Topic, caption_topic: Topic, chance: random.Random) -> dict[str, Any]:
    picture = shapes.paint(_scene(topic), chance, (112, 112))
    caption = _scene(caption_topic).caption(chance.choice(shapes.PHRASINGS))
    file = io.BytesIO()
    picture.save(file, "PNG")
    data = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    about = json.dumps({"url": f"https://shapes.example/{'-'.join(topic)}/{number}"})
    text = f"{PROSE} {number}. {caption.capitalize()}."
    return {"texts": [None, text], "images": [data, None], "metadata": json.dumps([{}, None]), "general_metadata": about}


def _scene(topic: Topic) -> shapes.Scene:
    """One large shape in the centre: pictures of a topic differ in light, angle and size, captions in their wording."""
    same = {"number": 1, "large": True, "shape": "square", "place": "in the centre"}
    return shapes.Scene(**same, colour=topic[0], pattern=topic[1], background=topic[2])  # type: ignore[arg-type]


def recipe(folder: Path, cap: int) -> str:
    """The recipe; its path."""
    steps: list[Any] = [
        {"use": "stages.read_documents", "with": {"paths": str(folder / "documents.parquet")}},
        {"use": "stages.fetch_images", "with": {"sources": ["data"]}},
        "stages.decode_images",
        {"use": "stages.embed_images", "with": MODEL},
        "stages.split_sentences",
        {"use": "stages.embed_texts", "with": {**MODEL, "of": "paragraphs"}},
        {"use": "stages.retrieve_texts", "with": {"among": "paragraph"}},
        {"use": "stages.cluster_embeddings", "with": {"clusters": len(TOPICS)}},
        {"id": "all", "use": "stages.write_parquet", "with": {"to": str(folder / "all")}},
        {"use": "stages.balance_clusters", "from": "cluster_embeddings", "with": {"cap": cap, "drop": "document"}},
        {"id": "balanced", "use": "stages.write_parquet", "with": {"to": str(folder / "balanced")}},
    ]
    lines = [step if isinstance(step, dict) else {"use": step} for step in steps]
    file = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump({"name": "topics", "seed": 5, "run": str(folder / "run"), "steps": lines}))
    return str(file)


def topic_of(doc: Document) -> Topic:
    colour, pattern, background = doc.source.url.split("/")[3].split("-")
    return colour, pattern, background


def retrieved(doc: Document) -> list[Text]:
    return [text for text in doc.texts if text.origin == "retrieved"]


def precision(docs: Sequence[Document]) -> tuple[float, float]:
    """The share of right sentences among those asked for, at most as many as there are right ones; and its mean over topics."""
    sentences = Counter(topic for doc in docs for topic in map(topic_said, doc.running_texts) if topic)
    right, asked = Counter[Topic](), Counter[Topic]()
    for doc in docs:
        topic, texts = topic_of(doc), retrieved(doc)
        right[topic] += sum(topic_said(text) == topic for text in texts)
        asked[topic] += min(len(texts), sentences[topic])
    shares = [min(1.0, right[topic] / asked[topic]) for topic in TOPICS if asked[topic]]
    return sum(right.values()) / sum(asked.values()), sum(shares) / len(shares)


_SENTENCES = {f"{_scene(t).caption(phrasing).capitalize()}.": t for t in TOPICS for phrasing in shapes.PHRASINGS}


def topic_said(text: Text) -> Topic | None:
    """The topic of a sentence that describes a picture."""
    return _SENTENCES.get(text.text)


def evenness(counts: Counter[Topic]) -> str:
    """Entropy in bits, Gini coefficient, and the ratio of the most frequent topic to the rarest."""
    values = sorted(counts.values())
    total, n = sum(values), len(values)
    entropy = -sum(value / total * math.log2(value / total) for value in values)
    gini = sum((2 * rank - n - 1) * value for rank, value in enumerate(values, 1)) / (n * total)
    return f"{total:,} documents, {n} topics, {values[-1] / values[0]:.0f} : 1, entropy {entropy:.2f} bits, Gini {gini:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1000)
    parser.add_argument("--cap", type=int, default=20)
    given = parser.parse_args()
    print(_machine.description())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pq.write_table(pa.Table.from_pylist(rows(topic_counts(given.most, random.Random(1)))), folder / "documents.parquet")
        execute(make_plan(*read_recipe(recipe(folder, given.cap))), LocalRunner())
        before, after = (demo_run.finished_documents(str(folder / sink)) for sink in ("all", "balanced"))
    share, mean = precision(before)
    print(f"precision of retrieved sentences {share:.3f}, mean over topics {mean:.3f}")
    print(f"before: {evenness(Counter(map(topic_of, before)))}")
    print(f"after:  {evenness(Counter(map(topic_of, after)))}")


if __name__ == "__main__":
    main()
