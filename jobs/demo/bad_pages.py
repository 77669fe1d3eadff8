"""The pages of the demo crawl that the recipe must drop, each with the step that must drop it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from interloom.jobs.demo import text
from interloom.jobs.demo.pages import HTML, Planted, Slot, captioned_images, plant
from interloom.jobs.demo.plan import PlantedPage
from interloom.jobs.demo.warc_writer import Capture

JAVASCRIPT = (
    "JavaScript must be on to show the {} picture.",
    "Your browser runs no JavaScript, so the {} chart stays empty.",
    "Without JavaScript we cannot load the {} comment.",
    "Allow JavaScript on this site to hear the {} recording.",
)
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "last")


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of a server that is not an article."""

    content_type: str
    body: bytes
    status: int = 200


def short(slot: Slot) -> list[Planted]:
    """A page with a single sentence, too little even if the site's menu is extracted as text."""
    article = slot.article(20, 30)
    cut = replace(article, blocks=(article.paragraphs[0].split(". ")[0] + ".",))
    by = ("filters.word_count/too_few_words", "filters.fineweb_quality/too_few_lines_ended")
    return [plant(slot, cut, captioned_images(slot, article, 1), by=by)]


def repeated(slot: Slot) -> list[Planted]:
    """A page that repeats its first three paragraphs six times."""
    article = slot.article(120, 160)
    again = replace(article, blocks=article.paragraphs[:3] * 6)
    return [plant(slot, again, captioned_images(slot, article, 1), by=("filters.gopher_repetition",))]


def gibberish(slot: Slot) -> list[Planted]:
    """A page of random letters, which has no language and no stop words."""
    letters = "abcdefghijklmnopqrstuvwxyz"

    def word() -> str:
        return "".join(slot.rng.choices(letters, k=slot.rng.randint(2, 11)))

    blocks = tuple(" ".join(word() for _ in range(40)).capitalize() + "." for _ in range(6))
    article = replace(slot.article(), blocks=blocks)
    by = ("filters.language", "filters.gopher_quality")
    return [plant(slot, article, captioned_images(slot, article, 1), by=by)]


def hashtags(slot: Slot) -> list[Planted]:
    """A page in which every fourth word is a hashtag."""
    article = slot.article()
    tagged = replace(article, blocks=tuple(_tagged(block) for block in article.paragraphs))
    by = ("filters.gopher_quality/too_many_hash_signs",)
    return [plant(slot, tagged, captioned_images(slot, article, 1), by=by)]


def _tagged(block: str) -> str:
    return " ".join(f"#{word}" if number % 4 == 3 else word for number, word in enumerate(block.split()))


def short_lines(slot: Slot) -> list[Planted]:
    """A page of 40 headlines, none of which ends with a full stop."""
    titles = tuple(text.write_title(slot.rng, slot.topic) for _ in range(40))
    article = replace(slot.article(), blocks=titles)
    by = ("filters.fineweb_quality/too_few_lines_ended",)
    return [plant(slot, article, captioned_images(slot, article, 1), by=by)]


def foreign(slot: Slot) -> list[Planted]:
    """A page in another language than English."""
    language = ("de", "fr", "es", "ru", "zh", "ja")[slot.nth % 6]
    article = text.write_foreign(slot.rng, language)
    by = ("filters.language/other_language",)
    return [plant(slot, article, captioned_images(slot, article, 1), by=by)]


def lorem_ipsum(slot: Slot) -> list[Planted]:
    """An article with a sentence of placeholder text."""
    return _with_sentence(slot, "Lorem ipsum dolor sit amet, consectetur adipiscing elit.", "lorem_ipsum_found")


def curly_bracket(slot: Slot) -> list[Planted]:
    """An article with curly brackets, which C4 takes for source code."""
    return _with_sentence(slot, "The sign on the door said { closed } and nothing else.", "curly_bracket_found")


def _with_sentence(slot: Slot, sentence: str, reason: str) -> list[Planted]:
    """An article with the sentence after its longest paragraph, for which `filters.c4_quality` drops it."""
    article = slot.article()
    blocks = [*article.blocks]
    longest = max(range(len(blocks)), key=lambda number: len(blocks[number]))
    blocks[longest] += f" {sentence}"
    by = (f"filters.c4_quality/{reason}",)
    return [plant(slot, replace(article, blocks=tuple(blocks)), captioned_images(slot, article, 1), by=by)]


def javascript(slot: Slot) -> list[Planted]:
    """A page whose every paragraph asks for JavaScript, so that C4 drops all its lines."""
    article = slot.article(180, 240)
    requests = [JAVASCRIPT[n % 4].format(ORDINALS[n % len(ORDINALS)]) for n in range(len(article.paragraphs))]
    blocks = tuple(f"{block} {request}" for block, request in zip(article.paragraphs, requests, strict=True))
    by = ("filters.c4_quality/too_few_sentences",)
    return [plant(slot, replace(article, blocks=blocks), captioned_images(slot, article, 1), by=by)]


def blocked_url(slot: Slot) -> list[Planted]:
    """An article at a host whose name has a blocked word."""
    article = slot.article()
    host = ("royal-casino-bonus.example", "xxx.evening-shows.example", "www.hot-escorts.example")[slot.nth % 3]
    shown = captioned_images(slot, article, 1, host)
    return [plant(slot, article, shown, url=slot.url(article.title, host), by=("filters.url_blocklist/url_word_blocked",))]


def empty(slot: Slot) -> list[Planted]:
    """A page without text."""
    body = (b"", b"<html><body></body></html>", b" \n \n", b"<!doctype html><title>Nothing</title><nav>Home</nav>")[slot.nth % 4]
    by = "stages.extract_html/no_content" if body.strip() else "stages.read_warc/empty"
    return [_capture_of(slot, f"empty-{slot.nth}", by, Answer(HTML, body))]


def not_found(slot: Slot) -> list[Planted]:
    """A response with HTTP status 404."""
    body = b"<html><head><title>404</title></head><body><h1>Not found</h1><p>There is nothing here.</p></body></html>"
    return [_capture_of(slot, "gone", "stages.read_warc/http_404", Answer(HTML, body, 404))]


def not_html(slot: Slot) -> list[Planted]:
    """A response that is not HTML: PDF, JSON, CSS, JavaScript or ZIP."""
    title = text.write_title(slot.rng, slot.topic)
    kinds = (
        ("application/pdf", f"%PDF-1.4\n% {title}\n%%EOF\n"),
        ("application/json", f'{{"title": "{title}"}}\n'),
        ("text/css", "body { margin: 0 }\n"),
        ("application/javascript", "console.log(1);\n"),
        ("application/zip", "PK\x05\x06" + "\0" * 18),
    )
    content_type, body = kinds[slot.nth % len(kinds)]
    return [_capture_of(slot, "file", "stages.read_warc/not_html", Answer(content_type, body.encode("utf-8")))]


def _capture_of(slot: Slot, name: str, by: str, answer: Answer) -> Planted:
    """A capture of this response, which the step `by` must drop."""
    url = f"https://www.{slot.topic}-notes.example/other/{name}-{slot.number}"
    page = PlantedPage(url, slot.date, slot.kind, (by,))
    return Planted(page, Capture(url, slot.date, answer.content_type, answer.body, answer.status))
