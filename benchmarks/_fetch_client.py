"""Fetches the URLs of a file with `stages.fetch_images`, in batches as a run gives them; prints how many it got.

As in a run, garbage is not looked for in what was there before.

`python _fetch_client.py FILE`: a URL a line, four to a document. All manners are on.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from interloom.schemas.document import Document, Image
from interloom.stages.fetch_images import FetchImages

_PER_DOCUMENT = 4
_BATCH = 256


def main(file: str) -> None:
    urls = Path(file).read_text().split()
    pages = [urls[n : n + _PER_DOCUMENT] for n in range(0, len(urls), _PER_DOCUMENT)]
    docs = [
        Document(id=f"{n:032x}", elements=tuple(Image(position=i, url=url) for i, url in enumerate(page)))
        for n, page in enumerate(pages)
    ]
    gc.freeze()
    step, images = FetchImages(sources=("http",), allow_private=True), 0
    for start in range(0, len(docs), _BATCH):
        for outcome in step.apply(docs[start : start + _BATCH], {}):
            images += len(outcome.images) if isinstance(outcome, Document) else 0
    print(images)


if __name__ == "__main__":
    main(sys.argv[1])
