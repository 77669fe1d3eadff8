"""Makes a Megatron-Energon InterleavedSample of a sample of this dataset: its texts and decoded images in reading order."""

import json
from typing import Any


def sample_loader(raw: dict[str, Any]) -> dict[str, Any]:
    record = raw["json"] if isinstance(raw["json"], dict) else json.loads(raw["json"])
    parts = zip(record["texts"], record["images"], strict=True)
    sequence = [raw[image] if text is None else text for text, image in parts if text is not None or image is not None]
    return {"__key__": raw["__key__"], "sequence": sequence}


def part_filter(part: str) -> bool:
    return True
