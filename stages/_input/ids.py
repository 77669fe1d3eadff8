"""The ids that readers give to documents."""

from __future__ import annotations

from hashlib import blake2b


def document_id(*parts: object) -> str:
    """Returns 32 hex digits of the BLAKE2b hash of the parts, joined by newlines.

    The parts say where the document is: its URL, the path of its file relative to the input (`Split.name`), its name or
    offset in the file. So the id is the same wherever the input is mounted. Different parts have different ids: a newline in a
    part counts as `\\n`, and a byte of a file name that is not UTF-8 as itself.
    Example: `("http://a.org/", "a.warc", 0)` -> "80f5f879e32c...".
    """
    lines = (str(part).replace("\\", "\\\\").replace("\n", "\\n") for part in parts)
    return blake2b("\n".join(lines).encode(errors="surrogatepass")).hexdigest()[:32]
