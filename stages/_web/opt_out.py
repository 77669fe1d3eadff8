"""Opt-outs from training: what headers, `meta` elements and pictures say. `docs/opt_out.md` lists the fields and tokens.

Evidence is text: `"header X-Robots-Tag: noai, noimageai; meta tdm-reservation: 1"`. Its tokens are what a policy names.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

AI_TOKENS = frozenset(("noai", "noimageai", "noml"))
"""Tokens of robots fields: noai and noimageai (DeviantArt 2022), noml (Mojeek 2023)."""
POLICY = (
    *("noai", "noimageai", "noindex", "noimageindex"),
    *("none", "noml", "tdm-reservation", "train-ai", "data-mining", "training-mining", "rsl"),
)
"""Tokens with which a picture is dropped: those of img2dataset, then the others of `docs/opt_out.md`."""
OF_PICTURES_OF_THE_PAGE = AI_TOKENS | {"noimageindex"}
"""Tokens of a page's robots fields that are about its pictures."""
_OF_PICTURES_ALONE = frozenset(("noimageindex",))
_TDM = "tdm-reservation"
_USAGE_FIELDS = ("content-usage", "content-signal")
_USAGE_KEYS = frozenset(("train-ai", "ai-train", "train-genai", "genai", "ai", "tdm", "bots"))
_REFUSALS = frozenset(("n", "no", "?0", "0", "false"))
_AI_BOTS = frozenset(
    re.findall(
        r"\S+",
        "gptbot ccbot google-extended applebot-extended anthropic-ai claudebot claude-web bytespider cohere-ai diffbot "
        "facebookbot meta-externalagent amazonbot ai2bot img2dataset omgilibot perplexitybot pangubot timpibot",
    )
)
"""Crawlers that collect training data: what they may not index or follow is not for training."""
_AI_BOT_TOKENS = frozenset(("noindex", "nofollow", "none", "noarchive"))
_BING = frozenset(("bingbot", "msnbot"))
_BING_TOKENS = frozenset(("noarchive", "nocache"))
"""With these, Microsoft does not train on a page (Bing, September 2023)."""
_ROBOTS = frozenset(("robots", "x-robots-tag"))
_CRAWLER = re.compile(r"[\w.-]*bot(?:-[\w-]+)?|[\w.-]*spider")
_VALUE_DIRECTIVES = frozenset(("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"))
_BOT_PREFIX = re.compile(r"\s*([\w.*-]+)\s*:\s*(.*)", re.DOTALL)
_WORD = re.compile(r"[^\s,;\"'()\[\]]+")
_AROUND_EQUALS = re.compile(r" ?= ?")
_MAX_NAMES = 1024
"""Names of `meta` elements and headers that are remembered. Our choice; bounds memory."""
_MAX_NAME_CHARS = 100
"""A longer name of a `meta` element or header is none of those that count. Our choice; bounds time and memory."""
_MAX_FIELD_CHARS = 4096
"""What follows in a longer field is ignored. Our choice."""
_DATA_MINING_START = b"DMI-PROHIBITED"
_DATA_MINING = re.compile(_DATA_MINING_START + rb"[A-Z-]*")
_METADATA_BYTES = 256 << 10
"""Metadata is looked for in this many bytes at the head and at the end of a picture. Our choice."""
RSL_TYPE = "application/rsl+xml"
_RSL_PROHIBITS = re.compile(r"<prohibits[^>]*type\s*=\s*[\"']usage[\"'][^>]*>([^<]*)", re.IGNORECASE)
_RSL_USES = frozenset(("all", "ai-all", "ai-train", "train-ai", "train-genai"))


def header_evidence(fields: Iterable[tuple[str, str]], tokens: Collection[str] = AI_TOKENS) -> str:
    """The evidence in the headers of a response. `[("X-Robots-Tag", "noai, nofollow")]` -> `"header X-Robots-Tag: noai"`.

    Parameters:
        fields: Names and values of the headers.
        tokens: Tokens of robots fields that count. Default: those that are about training.
    """
    return joined(*(_field_evidence("header", name, value, tokens) for name, value in fields))


def meta_evidence(name: str, content: str, tokens: Collection[str] = AI_TOKENS) -> str:
    """The evidence in a `meta` element. `"robots", "index, noai"` -> `"meta robots: noai"`; `tokens` as for headers."""
    return _field_evidence("meta", name, content, tokens)


def rsl_evidence(licence: str) -> str:
    """The evidence in a licence of Really Simple Licensing (RSL 1.0) within a page: uses for training that it prohibits."""
    words = {word.lower() for uses in _RSL_PROHIBITS.findall(licence[:_MAX_FIELD_CHARS]) for word in _WORD.findall(uses)}
    return f"rsl prohibits: {', '.join(sorted(words & _RSL_USES))}" if words & _RSL_USES else ""


def picture_evidence(data: bytes) -> str:
    """The evidence in the metadata of a picture: Data Mining of IPTC and PLUS in XMP, training and mining assertions of C2PA."""
    ends = data[:_METADATA_BYTES] + data[-_METADATA_BYTES:] if len(data) > 2 * _METADATA_BYTES else data
    mining = sorted({match.decode() for match in _DATA_MINING.findall(ends)}) if _DATA_MINING_START in ends else []
    is_refused = b"training-mining" in ends and b"notAllowed" in ends
    xmp = f"xmp plus:DataMining: {', '.join(mining)}" if mining else ""
    return joined(xmp, "c2pa training-mining: notAllowed" if is_refused else "")


def joined(*parts: str) -> str:
    """Pieces of evidence as one text, each once, without empty ones."""
    return "; ".join(dict.fromkeys(piece for part in parts if part for piece in part.split("; ")))


def about_the_page(evidence: str) -> str:
    """The evidence without the pieces that are about pictures alone: `"header X-Robots-Tag: noimageindex"` -> `""`."""
    pieces = evidence.split("; ") if evidence else []
    return "; ".join(piece for piece in pieces if not tokens_of(piece) <= _OF_PICTURES_ALONE)


def opts_out(evidence: str, policy: Collection[str], agent: str = "") -> bool:
    """Whether evidence has a token of the policy.

    Parameters:
        evidence: The evidence, as the functions of this module return it.
        policy: Tokens in lower case.
        agent: The user agent of a crawler: what is for another crawler than this one does not count. Default: all counts.
    """
    pieces = evidence.split("; ") if evidence else []
    return any(not tokens_of(piece).isdisjoint(policy) for piece in pieces if not agent or _is_for(_bot_of(piece), agent.lower()))


def tokens_of(piece: str) -> frozenset[str]:
    """The tokens of one piece of evidence that a policy may name. `"header TDM-Reservation: 1"` -> `{"tdm-reservation"}`."""
    field, _, words = piece.rpartition(": ")
    name = field.partition(" ")[2].partition(" ")[0].lower().replace("_", "-")
    if name == _TDM:
        return frozenset((_TDM,))
    if name in _USAGE_FIELDS:
        return frozenset(("train-ai",))
    if field.startswith(("xmp", "c2pa", "rsl")):
        return frozenset((_METADATA_TOKENS[field.partition(" ")[0]],))
    own = frozenset(words.split(", "))
    return own | {"noai"} if _bot_of(piece) in _AI_BOTS | _BING else own


_METADATA_TOKENS = {"xmp": "data-mining", "c2pa": "training-mining", "rsl": "rsl"}


def _bot_of(piece: str) -> str:
    """The crawler that a piece is for: `"header X-Robots-Tag (otherbot): noai"` -> `"otherbot"`; "" for all."""
    field = piece.rpartition(": ")[0]
    if field.endswith(")"):
        return field.rpartition("(")[2].removesuffix(")")
    kind, _, name = field.partition(" ")
    return name.lower() if kind == "meta" and _is_crawler(name.lower()) else ""


def _is_for(bot: str, agent: str) -> bool:
    return bot in ("", "*", *_AI_BOTS) or bot in agent


def _is_crawler(name: str) -> bool:
    return name in _AI_BOTS or _CRAWLER.fullmatch(name) is not None


@lru_cache(maxsize=_MAX_NAMES)
def _may_be_evidence(name: str) -> bool:
    """Whether a `meta` element or a header of this name may be about the use of a page."""
    lower = name.strip().lower().replace("_", "-")
    return lower == _TDM or lower in _USAGE_FIELDS or lower in _ROBOTS or _is_crawler(lower)


def _field_evidence(kind: str, name: str, value: str, tokens: Collection[str]) -> str:
    if len(name) > _MAX_NAME_CHARS or not _may_be_evidence(name):
        return ""
    name, value = name.strip(), value[:_MAX_FIELD_CHARS].lower()
    lower = name.lower().replace("_", "-")
    if lower == _TDM:
        return f"{kind} {name}: 1" if value.strip(" \t\"'") in ("1", "true", "?1") else ""
    if lower in _USAGE_FIELDS:
        pairs = [pair.partition("=") for pair in _WORD.findall(_AROUND_EQUALS.sub("=", " ".join(value.split())))]
        refused = [f"{key}={answer}" for key, _, answer in pairs if key in _USAGE_KEYS and answer in _REFUSALS]
        return f"{kind} {name}: {', '.join(refused)}" if refused else ""
    if lower in _ROBOTS or (kind == "meta" and _is_crawler(lower)):
        words = _robots_words("" if lower in _ROBOTS else lower, value, tokens)
        return "; ".join(f"{kind} {name}{f' ({bot})' if bot not in ('', lower) else ''}: {', '.join(w)}" for bot, w in words)
    return ""


def _robots_words(bot: str, value: str, tokens: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """The tokens that count, by the crawler that a robots field names: `"noai, x: noml"` -> `("", ["noai"]), ("x", ["noml"])`."""
    by_bot: dict[str, dict[str, None]] = {}
    for item in re.split(r"[,;]", value):
        prefix, words = _BOT_PREFIX.fullmatch(item), item
        if prefix and prefix[1] in _VALUE_DIRECTIVES:
            continue
        if prefix:
            bot, words = prefix[1], prefix[2]
        for word in _WORD.findall(words):
            token = word.replace("-", "").replace("_", "")
            if token in tokens or (bot in _AI_BOTS and token in _AI_BOT_TOKENS) or (bot in _BING and token in _BING_TOKENS):
                by_bot.setdefault(bot, {})[token] = None
    return ((named, list(words)) for named, words in by_bot.items())
