"""Tells what Whisper invents where nobody speaks, by published rules, and bounds the work on a chunk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from interloom.schemas.text_forms import comparable_text
from interloom.stages.transcribe_speech.speech import Word

MAX_COMPRESSION = 2.4
"""A transcript that gzip compresses more than this repeats itself: Whisper's own threshold (Radford et al. 2022, arXiv
2212.04356, section 4.5)."""
MIN_LOGPROB = -1.0
"""A transcript whose mean log probability is lower is unsure: Whisper's own threshold (the same section)."""
_NO_SPEECH = 0.6
"""A chunk with a higher probability of no speech, and an unsure transcript, is silent: Whisper's own threshold (section 4.5)."""
_MAX_TOKENS = 224
"""Tokens that Whisper decodes from 30 s at most: half of its text context."""
_FIRST_TOKENS = 32
_TOKENS_A_SECOND = 16
"""Tokens of a chunk at most: 32 and 16 a second. Fast English has 7 a second, scripts of which Whisper has few words about twice
as many. Our choice."""
_LOOP = 4
"""A phrase that is repeated so many times in a row is a loop; our choice."""
_LOOP_WORDS = 12
"""Longer phrases are not looked for. Words."""
_LEFT_OF_LOOP = 0.25
"""A transcript of which a smaller share is left without its loops is invented; our choice."""
_DOUBTFUL_NO_SPEECH = 0.15
_DOUBTFUL_LOGPROB = -0.45
_DOUBTFUL_PROBABILITY = 0.6
"""A phrase that people say, too, is invented if its chunk is likelier to hold no speech, or less sure, than this; our choice."""
_IMPROBABLE = 0.15
_SHORT_S = 0.133
_LONG_S = 2.0
_COUNTED_WORDS = 8
"""A word is anomalous if it is improbable, very short or very long, as in whisper.transcribe (`word_anomaly_score`)."""
_NOT_WORD = re.compile(r"[\W_]+")
_CREDITS = re.compile(
    r"amaraorg|zdf ?für ?funk|im auftrag des zdf|dimatorzok|а ?семкин|société radiocanada|qtss|明镜与点点|nicolai winther|"
    r"mbc ?뉴스|نانسي قنقر|(?:sub|unter)tit(?:les|el) (?:by|von|im auftrag)|sottotitoli (?:e revisione|creati)|"
    r"altyazı mk|субтитры (?:сделал|создавал|делал)|редактор субтитров|titulky vytvořil|napisy stworzone|字幕(?:由|志愿者|提供)"
)
"""Credits of subtitles that Whisper learned; nobody says them."""
_PHRASES: Mapping[str, str] = {
    "en": "thank you|thanks|thank you very much|thank you so much|thanks for watching|thank you for watching|you|bye|okay|so|"
    "oh|bye bye|ill see you in the next video|please subscribe|subscribe|dont forget to like and subscribe|hmm|mm|uh|ah|yeah|i",
    "de": "vielen dank|danke|danke schön|vielen dank fürs zuschauen|bis zum nächsten mal|tschüss",
    "fr": "merci|merci beaucoup|merci davoir regardé cette vidéo|abonnezvous|au revoir|à bientôt",
    "es": "gracias|muchas gracias|gracias por ver el video|suscríbete|adiós|hasta la próxima",
    "it": "grazie|grazie a tutti|grazie per la visione|ciao",
    "pt": "obrigado|obrigada|muito obrigado|obrigado por assistir|tchau|legenda adriana zanotto",
    "nl": "bedankt|dank je wel|bedankt voor het kijken|tot de volgende keer|tv gelderland 2021",
    "pl": "dziękuję|dziękuję za uwagę|dzięki za oglądanie",
    "ru": "спасибо|спасибо за просмотр|продолжение следует|до свидания|пока|подписывайтесь на канал",
    "tr": "teşekkürler|teşekkür ederim|izlediğiniz için teşekkür ederim|abone olmayı unutmayın",
    "ja": "ご視聴ありがとうございました|ありがとうございました|おやすみなさい|チャンネル登録をお願いします",
    "ko": "감사합니다|시청해주셔서 감사합니다|구독과 좋아요 부탁드립니다|네|고맙습니다",
    "zh": "谢谢|谢谢大家|謝謝|谢谢观看|謝謝觀看|請不吝點贊訂閱轉發|请不吝点赞订阅转发|多谢观看",
    "ar": "شكرا|شكرا لكم|شكرا للمشاهدة|اشتركوا في القناة",
    "sv": "tack|tack så mycket|tack för att ni tittade",
}
"""Phrases that Whisper writes down where nobody speaks, by language (Koenecke et al. 2024, arXiv 2402.08021; Baranski et al.
2025, arXiv 2501.11378, which lists the most frequent ones)."""
_LISTED = {code: frozenset(phrases.split("|")) for code, phrases in _PHRASES.items()}


def most_tokens(seconds: float) -> int:
    """How many tokens are decoded from a chunk at most: 1 s -> 48, 30 s -> 224."""
    return min(_MAX_TOKENS, _FIRST_TOKENS + round(_TOKENS_A_SECOND * seconds))


def without_inventions(words: Sequence[Word], language: str) -> list[Word]:
    """The words of a chunk that somebody said: without loops, and none if the transcript as a whole is invented."""
    kept = _without_loops(words)
    if not kept or len(kept) < _LEFT_OF_LOOP * len(words) or _is_invented(kept, language):
        return []
    return kept


def _is_invented(words: Sequence[Word], language: str) -> bool:
    """Whether a transcript is one of silence, credits of subtitles, a phantom phrase without much evidence, or anomalous."""
    scores = words[0].scores
    no_speech, logprob = scores.get("asr_no_speech", 0.0), scores.get("asr_logprob", 0.0)
    if no_speech > _NO_SPEECH and logprob < MIN_LOGPROB:
        return True
    text = " ".join(_bare(word.text) for word in words).strip()
    if not text or _CREDITS.search(text):
        return True
    probability = sum(word.probability or 0.0 for word in words) / len(words)
    is_doubtful = no_speech > _DOUBTFUL_NO_SPEECH or logprob < _DOUBTFUL_LOGPROB or probability < _DOUBTFUL_PROBABILITY
    if is_doubtful and (text in _LISTED["en"] or text in _LISTED.get(language, ())):
        return True
    counted = words[:_COUNTED_WORDS]
    return is_doubtful and sum(map(_anomaly, counted)) + 0.01 >= len(counted)


def _anomaly(word: Word) -> float:
    """How unlikely a word is: whisper's `word_anomaly_score`."""
    seconds = word.end_s - word.start_s
    improbable = float((word.probability or 0.0) < _IMPROBABLE)
    return improbable + max(0.0, _SHORT_S - seconds) * 15 + max(0.0, seconds - _LONG_S)


def _without_loops(words: Sequence[Word]) -> list[Word]:
    """Keeps the first of phrases that are repeated in a row: "go on go on go on go on now" -> "go on now"."""
    bare = [_bare(word.text) for word in words]
    kept, start = list[Word](), 0
    while start < len(words):
        size, end = _loop_at(bare, start)
        kept += words[start : start + size]
        start = end
    return kept


def _loop_at(bare: Sequence[str], start: int) -> tuple[int, int]:
    """The size of the phrase that begins here, and where its repetitions end; a word that is not repeated is a phrase."""
    for size in range(1, _LOOP_WORDS + 1):
        end = start + size
        while bare[end : end + size] == bare[start : start + size] and end + size <= len(bare):
            end += size
        if end - start >= _LOOP * size:
            return size, end
    return 1, start + 1


def _bare(word: str) -> str:
    """A word as it is compared: " You!" -> "you"."""
    return _NOT_WORD.sub("", comparable_text(word))
