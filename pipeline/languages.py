"""Codes of languages: ISO 639-1 where a language has one, else ISO 639-3, or a longer tag with a region or script."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from interloom.pipeline.ranges import STATED

_TABLE = """
aa aar Afar; ab abk Abkhazian; ae ave Avestan; af afr Afrikaans; ak aka fat twi Akan; am amh Amharic; an arg Aragonese;
ar ara arb Arabic; as asm Assamese; av ava Avaric; ay aym ayr Aymara; az aze azj Azerbaijani; ba bak Bashkir;
be bel Belarusian; bg bul Bulgarian; bi bis Bislama; bm bam Bambara; bn ben Bengali; bo bod tib Tibetan; br bre Breton;
bs bos Bosnian; ca cat Catalan; ce che Chechen; ch cha Chamorro; co cos Corsican; cr cre cwd Cree; cs ces cze Czech;
cu chu Church Slavic; cv chv Chuvash; cy cym wel Welsh; da dan Danish; de deu ger German; dv div Divehi;
dz adp dzo Dzongkha; ee ewe Ewe; el ell gre Greek; en eng English; eo epo Esperanto; es spa Spanish; et ekk est Estonian;
eu baq eus Basque; fa fas per pes Persian; ff fuc ful Fula; fi fin Finnish; fj fij Fijian; fo fao Faroese;
fr fra fre French; fy fry Western Frisian; ga gle Irish; gd gla Scottish Gaelic; gl glg Galician; gn grn Guarani;
gu guj prp Gujarati; gv glv Manx; ha hau Hausa; he heb Hebrew; hi hin Hindi; ho hmo Hiri Motu; hr hrv scr Croatian;
ht hat Haitian Creole; hu hun Hungarian; hy arm hye Armenian; hz her Herero; ia ina Interlingua; id ind Indonesian;
ie ile Interlingue; ig ibo Igbo; ii iii Sichuan Yi; ik esk ipk Inupiaq; io ido Ido; is ice isl Icelandic; it ita Italian;
iu ike iku Inuktitut; ja jpn Japanese; jv jav Javanese; ka geo kat Georgian; kg kng kon Kongo; ki Kikuyu;
kj kua Kuanyama; kk kaz Kazakh; kl kal Kalaallisut; km khm Khmer; kn kan Kannada; ko kor Korean; kr kau knc Kanuri;
ks kas Kashmiri; ku kmr kur Kurdish; kv kom kpv Komi; kw cor Cornish; ky kir Kyrgyz; la lat Latin; lb ltz Luxembourgish;
lg lug Ganda; li lim Limburgish; ln lin Lingala; lo lao Lao; lt lit Lithuanian; lu lub Luba-Katanga; lv lav lvs Latvian;
mg mlg plt Malagasy; mh mah Marshallese; mi mao mri Māori; mk mac mkd Macedonian; ml mal Malayalam;
mn drh khk mon Mongolian; mr mar Marathi; ms may msa zsm Malay; mt mlt Maltese; my bur mya Burmese; na nau Nauru;
nb nob Norwegian Bokmål; nd nde North Ndebele; ne nep npi Nepali; ng ndo Ndonga; nl dut nld Dutch;
nn nno Norwegian Nynorsk; no nor Norwegian; nr nbl South Ndebele; nv nav Navajo; ny nya Nyanja; oc oci Occitan;
oj ojg oji Ojibwa; om gaz orm Oromo; or ori ory Odia; os oss Ossetic; pa pan Punjabi; pi pli Pali; pl pol Polish;
ps pbu pus Pashto; pt por Portuguese; qu que quz Quechua; rm roh Romansh; rn run Rundi; ro mol ron rum Romanian;
ru rus Russian; rw kin Kinyarwanda; sa cls san Sanskrit; sc src srd Sardinian; sd snd Sindhi; se sme Northern Sami;
sg sag Sango; sh Serbo-Croatian; si sin Sinhala; sk slk slo Slovak; sl slv Slovenian; sm smo Samoan; sn sna Shona;
so som Somali; sq alb als sqi Albanian; sr scc srp Serbian; ss ssw Swati; st sot Southern Sotho; su sun Sundanese;
sv swe Swedish; sw swa swh Swahili; ta tam Tamil; te tel Telugu; tg tgk Tajik; th tha Thai; ti tir Tigrinya;
tk tuk Turkmen; tl tgl fil Tagalog; tn tsn Tswana; to ton Tongan; tr tur Turkish; ts tso Tsonga; tt tat Tatar; tw Twi;
ty tah Tahitian; ug uig Uyghur; uk ukr Ukrainian; ur urd Urdu; uz uzb uzn Uzbek; ve ven Venda; vi vie Vietnamese;
vo vol Volapük; wa wln Walloon; wo wol Wolof; xh xho Xhosa; yi ydd yid Yiddish; yo yor Yoruba; za zha zyb Zhuang;
zh chi cmn zho Chinese; zu zul Zulu
"""
"""The code of two letters, those of three letters for the same language, and its English name (Unicode CLDR)."""
_WORDS = {entry.split()[0]: entry.split()[1:] for entry in _TABLE.split(";")}
_CODE_OF = {word.lower(): code for code, words in _WORDS.items() for word in words}
_SAME = {"iw": "he", "in": "id", "ji": "yi", "jw": "jv", "mo": "ro", "nb": "no", "nn": "no"}
"""Older codes, and those of the two ways to write Norwegian."""
_TAG = re.compile(r"[A-Za-z]{2,3}[-_][A-Za-z0-9_-]+")
"""With a region or script, as other detectors write them: `zh-Hant`, `eng_Latn`."""


def _checked(code: str) -> str:
    """The code. Raises if it is none: "english" or "eng" instead of "en"."""
    is_rare = re.fullmatch("[a-z]{3}", code) and code not in _CODE_OF
    if code in _WORDS or is_rare or _TAG.fullmatch(code):
        return code
    known = code.lower() if code.lower() in _WORDS else _CODE_OF.get(code.lower())
    near = [_CODE_OF[name] for name in get_close_matches(code.lower(), _CODE_OF, 1)]
    hint = f"; did you mean '{known or near[0]}'?" if known or near else ""
    message = f"'{code}' is no code of a language (ISO 639-1: en, de, zh){hint}"
    raise PydanticCustomError(STATED, "{message}", {"message": message})


LanguageCode = Annotated[str, AfterValidator(_checked)]
"""ISO 639-1; ISO 639-3 for a language without a code of two letters; `und` for no language."""
LanguageCodes = Annotated[tuple[LanguageCode, ...], Field(min_length=1)]
"""One code or more."""


def plain_code(tag: str) -> str:
    """The language alone by its shortest code, so that tags of one language are equal.

    "de", "de-AT", "deu" and "ger" -> "de"; "slk" -> "sk"; "nb" and "nor" -> "no"; "fil" -> "tl"; "haw" -> "haw"
    """
    code = tag.strip().lower().replace("_", "-").split("-")[0]
    short = _CODE_OF.get(code, code)
    return _SAME.get(short, short)
