"""Function words of many languages, by which prose is told from what is none.

The lists are the most frequent words of each language as FineWeb-2 publishes them with its limits (configs of
huggingface/fineweb-2), without words of one letter, which occur in any heap of letters; where few remained, with more of the
language's pronouns, conjunctions and prepositions. Scripts without spaces have strings that function words are written with.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

_LISTS: Mapping[str, str] = {
    "af": "die van in en is het wat sy op the word",
    "am": "ነው እና ምሳሌ ላይ ነበር ውስጥ ግን ወደ ልጆች እንደ የአማርኛ ወይም ነገር በኋላ",
    "ar": "في من على إلى عام أن مع أو هو عن التي كان بين ما لا هذا هذه الذي كانت قد بعد قبل كل ذلك لم ثم",
    "az": "və ilə ildə bir bu azərbaycan olan üçün sonra də kimi il isə",
    "be": "на года да годзе па ад за быў не што гэта як для але пры ён яна яго было яны так",
    "bg": "на от за се през да по",
    "bn": "এবং হয় করে একটি তিনি করা থেকে এই যে জন্য সঙ্গে না কিন্তু তার আর এক তাদের হবে ছিল করেন বলেন আমাদের একটা হয়ে সেই",
    "bs": "je se na su od za da godine",
    "ca": "de el la en que va els per un",
    "cs": "se na je do že jsem jsou který která pro jako ale byl od podle před také jeho to ve ze si by tak když už jen nebo po",
    "cy": "yn ffilm gan ar mae yw cyfarwyddwr ei oedd",
    "da": "og af en til er den at som på for med det blev",
    "de": "der und die in von im den des mit das er dem als wurde ist nicht auch sich auf ein eine es sie wir aber wie zu "
    "so war noch wenn nur",
    "el": "του και το της την από με τον να που των στην",
    "eo": "la de en kaj estas al estis li",
    "es": "de la en el que del los se por un con una",
    "et": "ja on oli ta aastal eesti ka ning et mis kui aasta ei või",
    "eu": "eta da ziren zen bat zuen zeuden izan",
    "fa": "در به از که است این را با یک",
    "fi": "ja on oli hän vuonna myös joka se ei sen ovat sekä mutta että kun niin kuin jos tämä siitä ne vain",
    "fr": "de la le et en des du les est un une",
    "ga": "an na agus ar is le sa go ag sé bhí",
    "gu": "છે અને એક આવેલા તેમ કે ગામમાં પણ માટે ખેતી આવે કરવામાં",
    "he": "של את על הוא עם בשנת גם היה היא לאחר לא ידי בין או זה כי אבל כל יש היו אני אם הם זו רק עוד מה כך אל",
    "hi": "के में है की और से का को एक हैं पर",
    "hr": "je se na su za od",
    "hu": "az és is egy volt hogy nem meg de magyar első el között ez csak már mint ha még vagy ami aki",
    "hy": "են էր թվականի թվականին որ իր ծրագիր նա նաև որը այն հետ այս նրա մեջ համար իսկ չի էլ ու կամ միայն շատ երբ եմ եւ "
    "ենք մի բայց որպես մասին էին",
    "id": "dan yang di pada dari ini dengan adalah untuk dalam",
    "is": "og að sem er var til við en af um hann með",
    "it": "di il la in del che della un per nel",
    "ka": "და წლის წელს იყო რომელიც რომ მისი შემდეგ რესურსები ინტერნეტში ამ იგი არ the ეს ის მაგრამ როგორც ან თუ არის რა "
    "ყველა მათი კი მე",
    "kk": "және су бойынша мен жылы коды өзен орналасқан мәліметтер жер бұл саны тұрғындарының адамды да де үшін еді деп "
    "болып емес сол бір осы ол бар болды өз кейін",
    "kn": "ಮತ್ತು ಒಂದು ಎಂದು ಅಥವಾ ಅವರು ಇದು ಹಾಗೂ ಅವರ ಎಂಬ ಮೇಲೆ ನಂತರ ತನ್ನ ಆದರೆ",
    "la": "et in est non ut ad cum qui quae quod sed ab ex esse si aut per sunt autem vel etiam nam atque",
    "lg": "mu nga ku ne era uganda ya oba of wa okuva nti kya the",
    "lt": "ir buvo nuo iš su yra lietuvos iki kaip kad bet tai ar už dėl jis ji jie po apie tik jau pat",
    "lv": "un ir no ar gadā gada par bija arī",
    "mi": "te he ko ki whenua nohanga ai ngā takiwā nui",
    "mk": "на во од се за со година да како",
    "ml": "ഒരു എന്ന ഇത് അദ്ദേഹം നിന്ന് ചെയ്തു ആണ് അവർ ഓഫ് ഏറ്റവും മുതൽ പ്രധാന",
    "mn": "нь онд оны юм улсын байна сарын болон байсан энэ бөгөөд их монгол ба",
    "mr": "आहे आणि हे या एक ते हा आहेत असते होते ही येथे नाही पण त्या तो ती करून असे काही आता मी यांनी केले",
    "ms": "dan di yang pada dalam dengan untuk ini",
    "nb": "og av som en er til på for ble med den det var",
    "ne": "थियो हो एक पनि मा थिए यो",
    "nl": "de van in het een en is op voor met door zijn werd hij",
    "nn": "og av er som til på ein det med for den han vart",
    "pa": "ਵਿੱਚ ਦੇ ਹੈ ਅਤੇ ਦੀ ਨੂੰ ਦਾ ਸੀ ਇੱਕ ਤੋਂ ਨੇ ਹਨ ਤੇ ਲਈ",
    "pl": "na do się roku od jest przez po jako oraz nie że to jak ale dla za tym są już był tylko czy",
    "pt": "de em do da que um no uma com para na",
    "ro": "de în și din la cu este un pe fost care al",
    "ru": "на года по году из был не от что за это как для но при он она все же или его было они так",
    "si": "සහ අතර හා වන ලෙස මෙම වූ විය ඇති විසින් කරන සඳහා වේ",
    "sk": "na sa je roku že som sú ktorý ktorá pre ako ale bol od podľa pred aj jeho to vo zo si by tak keď už len alebo po do",
    "sl": "je in na so se ki za leta",
    "sn": "vanoti kureva kana mazwi mitauro inoti to iri ari mazita zita mamwe of kuti asi uye nokuti nekuti kubva kusvika apo "
    "iye ini isu izvi izvo uyu uyo iyi ichi ine ane vane kune saka zvino",
    "so": "oo iyo ka ah ee ku waa la waxaa ay soo uu waxay",
    "sq": "të në dhe një me nga për është që më si",
    "sr": "је на се од су године да за из са насеље",
    "st": "le ho ka ea ba ke oa sa tsa tse la",
    "sv": "och är av en som den med på till att för",
    "sw": "ya na wa katika kwa ni la za mwaka",
    "ta": "மற்றும் ஒரு இந்த ஆம் இது என்ற இவர் உள்ள ஆகும் ஆண்டு அல்லது என்பது முதல் உள்ளது என்று அது நான் அவர் என இல்லை "
    "போது தான் அந்த வேண்டும் என்ன மிகவும்",
    "te": "నుండి కి ఉన్నాయి మీ గ్రామం ఉంది దూరంలో కేంద్రం ఒక మరియు కానీ వారు అని కూడా అది ఇది ఆయన లో చేసి ఉన్న తన మన కోసం అయితే నేను తరువాత చాలా వరకు",
    "tl": "ng sa ang na mga ay at isang noong",
    "tn": "ya ke borwa aforika toropo gauteng mamelodi le go ka ba mo",
    "tr": "ve bir olarak bu ile için olan da de tarafından yılında sonra en daha çok ama gibi kadar ne her değil",
    "ts": "ku hi na ya wa va ka eka ra ta nga",
    "uk": "на та до року за що не це як від його для про але при які який також був то",
    "ur": "کے میں کی اور ہے سے کا نے اس پر کو ایک",
    "uz": "va bilan uchun joylashgan bir bu boʻlgan ham uning aholi birinchi edi eng",
    "vi": "là và của một được trong năm các có loài này đã người không những cho với khi để đến",
    "xh": "kunye okanye kwaye ukuba ke afrika xa kwi le abantu the of ngokuba kodwa apho apha kuba yaye nje eli ezi lo aba ngoko "
    "kwakhona ukuze",
    "yo": "ní ni ti tí jẹ́ àwọn ibi àti kékeré ástẹ́rọ́ìdì ìgbàjá plánẹ́tì",
    "zu": "futhi se kanye noma afrika ukuthi kodwa uma lapho ngoba ukuze nje lokhu lesi njengoba kakhulu ngakho bese khona",
}
_STRINGS: Mapping[str, str] = {
    "ja": "ている ていた ました ません という である でした として について によって ながら ければ られ これ それ ために から "
    "まで だった などの してい ことが ことを です ます",
    "zh": "一个 我们 他们 没有 可以 因为 自己 已经 这个 就是 什么 如果 时候 进行 以及 不是 但是 开始 还是 通过 目前 成为 "
    "对于 其中 这些 由于 所以 为了 今天 非常 需要 一個 我們 他們 沒有 因為 已經 這個 什麼 時候 進行 開始 還是 通過 成為 "
    "對於 這些 為了 的时候 都是 那里 这里 它们 许多 人们 最后 之后 以后 每天 有时 不会 不能 很多 一次 一样 慢慢 起来 出来 回来",
    "th": "ที่ และ ของ เป็น การ ได้ ให้ ว่า จาก ไม่ นี้ กับ หรือ แล้ว ความ มัน เขา อยู่ ด้วย เมื่อ ถ้า",
    "lo": "ແລະ ຂອງ ເປັນ ທີ່ ໄດ້ ໃຫ້ ຈາກ ບໍ່ ນີ້ ກັບ ຫຼື ແລ້ວ ຄວາມ ຢູ່ ເມື່ອ",
    "km": "មាន បាន ដែល និង នៅ របស់ ក្នុង ថា នេះ ពី ជា ទៅ មិន ដោយ ពួក",
    "my": "သည် များ ကို တွင် ဖြစ် သော ခဲ့ နှင့် ရှိ မှ ၏ တဲ့ တယ် ပြီး မှာ",
    "bo": "དང་ ལ་ ཀྱི་ དུ་ ནས་ གི་ གྱི་ ནི་ ཡོད་ རེད་ ཡིན་ ལས་ པའི་",
}
_KOREAN_ENDINGS = ("은", "는", "이", "가", "을", "를", "에", "의", "다", "에서", "으로", "고", "한", "로")
_KOREAN_SHARE = 0.33
"""In Korean prose at least this share of the words ends in a particle or in a verb's ending: 0.41 to 0.58 in documents of ten
sentences, 0.27 at most if their letters are shuffled."""
_SHARE = 0.035
"""In prose of other languages at least this share of the words is function words; fewer occur in shuffled letters, too."""
_WORDS = {code: frozenset(words.split()) for code, words in _LISTS.items()}
_LENGTHS = (
    "af 3 11, am 1 24, ar 2 9, az 3 13, be 3 11, bg 3 10, bn 3 24, bs 1 16, ca 2 11, cs 3 11, cy 3 9, da 3 11, de 0 15, el "
    "3 11, eo 3 12, es 3 14, et 3 13, eu 4 11, fa 2 9, fi 3 14, fr 2 11, ga 2 11, gu 3 22, he 2 9, hi 2 21, hr 2 11, hu 3 "
    "15, hy 4 11, id 3 12, is 2 13, it 3 21, ka 3 13, kk 3 12, kn 3 67, ko 1 6, lg 3 13, lt 3 12, lv 2 13, mi 2 9, mk 2 10, "
    "ml 4 37, mn 2 11, mr 2 35, ms 3 11, nb 3 12, ne 3 37, nl 3 17, nn 3 11, pa 2 19, pl 3 12, pt 3 13, ro 1 14, ru 3 11, "
    "si 2 58, sk 2 11, sl 2 12, sn 3 20, so 2 74, sq 1 14, sr 3 10, st 3 19, sv 3 12, sw 3 9, ta 4 37, te 4 68, tl 3 12, tn "
    "3 9, tr 3 21, ts 2 17, uk 3 11, ur 2 31, uz 3 13, vi 3 11, xh 1 3141, yo 1 12, zu 3 13 "
)
"""Code, least and most mean length of the words, in characters, as FineWeb-2 publishes them."""
_MEAN_LENGTHS = {code: (float(least), float(most)) for code, least, most in map(str.split, _LENGTHS.split(","))}
_HANGUL = re.compile("[\uac00-\ud7a3]")


def language_of_prose(text: str, words: Sequence[str], at_least: int) -> str:
    """The code of the language of which the text holds most function words; "" if it holds too few of any language's.

    words: The words of the text, in lower case.
    at_least: How many different function words prose has.
    """
    counts = Counter(words)
    hits = {code: [word for word in listed if word in counts] for code, listed in _WORDS.items()}
    best = max(hits, key=lambda code: (len(hits[code]), sum(counts[word] for word in hits[code])))
    if len(hits[best]) >= at_least and sum(counts[word] for word in hits[best]) >= _SHARE * len(words):
        return best
    if 2 * sum(bool(_HANGUL.match(word)) for word in words) > len(words):
        return "ko" if sum(word.endswith(_KOREAN_ENDINGS) for word in words) >= _KOREAN_SHARE * len(words) else ""
    strings = {code: sum(part in text for part in parts.split()) for code, parts in _STRINGS.items()}
    best = max(strings, key=lambda code: strings[code])
    return best if strings[best] >= at_least else ""


def mean_length_limits(code: str) -> tuple[float | None, float | None]:
    """The least and the most mean length of a language's words; (None, None) for a language without limits."""
    return _MEAN_LENGTHS.get(code, (None, None))
