"""Ten plain sentences in each of 20 languages pass every quality filter; the same shuffled or repeated do not."""

from __future__ import annotations

import random

import pytest

from interloom.filters._stop_words import language_of_prose
from interloom.filters.c4_lines import c4_lines
from interloom.filters.c4_quality import c4_quality
from interloom.filters.fineweb_quality import fineweb_quality
from interloom.filters.gopher_quality import GopherQuality
from interloom.filters.gopher_repetition import GopherRepetition
from interloom.filters.word_count import word_count
from interloom.schemas.document import Document, Text
from interloom.schemas.outcome import Dropped

PROSE = {
    "en": "The ferry leaves the harbour at six. It carries the mail and a few people. On the deck stands a man with a "
    "dog. He looks at the sea and says nothing. The dog sleeps in the sun. A child asks him the time. He has no "
    "watch. The bell rings and they all go to the door. The island is small and green. In the evening they will "
    "return to the town.",
    "de": "Die Fähre verlässt den Hafen um sechs. Sie bringt die Post und ein paar Leute. Auf dem Deck steht ein Mann "
    "mit einem Hund. Er schaut auf das Meer und sagt nichts. Der Hund schläft in der Sonne. Ein Kind fragt ihn "
    "nach der Zeit. Er hat keine Uhr. Die Glocke läutet und alle gehen zur Tür. Die Insel ist klein und grün. Am "
    "Abend kehren sie in die Stadt zurück.",
    "fr": "Le bac quitte le port à six heures. Il porte le courrier et quelques personnes. Sur le pont se tient un "
    "homme avec un chien. Il regarde la mer et ne dit rien. Le chien dort au soleil. Un enfant lui demande "
    "l'heure. Il n'a pas de montre. La cloche sonne et tous vont vers la porte. L'île est petite et verte. Le "
    "soir, ils rentrent dans la ville.",
    "es": "El barco sale del puerto a las seis. Lleva el correo y a unas pocas personas. En la cubierta hay un hombre "
    "con un perro. Mira el mar y no dice nada. El perro duerme al sol. Un niño le pregunta la hora. Él no tiene "
    "reloj. Suena la campana y todos van a la puerta. La isla es pequeña y verde. Por la tarde vuelven a la "
    "ciudad.",
    "it": "Il traghetto lascia il porto alle sei. Porta la posta e poche persone. Sul ponte c'è un uomo con un cane. "
    "Guarda il mare e non dice nulla. Il cane dorme al sole. Un bambino gli chiede l'ora. Non ha un orologio. "
    "Suona la campana e tutti vanno alla porta. L'isola è piccola e verde. La sera tornano nella città.",
    "pt": "O barco deixa o porto às seis. Leva o correio e algumas pessoas. No convés está um homem com um cão. Ele "
    "olha para o mar e não diz nada. O cão dorme ao sol. Uma criança pergunta as horas. Ele não tem relógio. O "
    "sino toca e todos vão para a porta. A ilha é pequena e verde. À noite eles voltam para a cidade.",
    "nl": "De veerboot verlaat de haven om zes uur. Hij brengt de post en een paar mensen. Op het dek staat een man "
    "met een hond. Hij kijkt naar de zee en zegt niets. De hond slaapt in de zon. Een kind vraagt hem hoe laat "
    "het is. Hij heeft geen horloge. De bel gaat en iedereen loopt naar de deur. Het eiland is klein en groen. "
    "In de avond keren ze terug naar de stad.",
    "sv": "Färjan lämnar hamnen klockan sex. Den har med sig posten och några få människor. På däck står en man med en "
    "hund. Han ser på havet och säger inte något. Hunden sover i solen. Ett barn frågar honom vad klockan är. "
    "Han har ingen klocka. Det ringer och alla går till dörren. Ön är liten och grön. På kvällen åker de "
    "tillbaka till staden.",
    "pl": "Prom wypływa z portu o szóstej. Wiezie pocztę i kilka osób. Na pokładzie stoi mężczyzna z psem. Patrzy on "
    "na morze i nie mówi nic. Pies śpi na słońcu. Dziecko pyta go o godzinę, ale on nie ma zegarka. Dzwoni dzwon "
    "i wszyscy idą do drzwi. Wyspa jest mała i zielona. Wieczorem wracają do miasta, bo tam jest ich dom. To był "
    "długi dzień.",
    "cs": "Loď vyplouvá z přístavu v šest hodin. Veze poštu a několik lidí. Na palubě stojí muž se psem. Dívá se na "
    "moře a neříká nic. Pes spí na slunci. Dítě se ho ptá, kolik je hodin, ale on nemá hodinky. Zvon zvoní a "
    "všichni jdou ke dveřím. Ostrov je malý a zelený. Večer se vrátí do města, kde je jejich dům. Byl to dlouhý "
    "den.",
    "ru": "Паром уходит из порта в шесть часов. Он везёт почту и несколько человек. На палубе стоит мужчина с собакой. "
    "Он смотрит на море и не говорит ничего. Собака спит на солнце. Ребёнок спрашивает, который час, но у него "
    "нет часов. Звонит колокол, и все идут к двери. Остров маленький и зелёный. Вечером они вернутся в город. "
    "Это был длинный день.",
    "uk": "Пором виходить з порту о шостій годині. Він везе пошту і кілька людей. На палубі стоїть чоловік із собакою. "
    "Він дивиться на море і не каже нічого. Собака спить на сонці. Дитина питає, котра година, але він не має "
    "годинника. Дзвонить дзвін, і всі йдуть до дверей. Острів малий і зелений. Увечері вони повернуться до "
    "міста. Це був довгий день.",
    "el": "Το πλοίο φεύγει από το λιμάνι στις έξι. Φέρνει τα γράμματα και λίγους ανθρώπους. Στο κατάστρωμα είναι ένας "
    "άντρας με τον σκύλο του. Κοιτάζει τη θάλασσα και δεν λέει τίποτα. Ο σκύλος κοιμάται στον ήλιο. Ένα παιδί "
    "τον ρωτά την ώρα. Δεν έχει ρολόι. Η καμπάνα χτυπά και όλοι πάνε στην πόρτα. Το νησί είναι μικρό και "
    "πράσινο. Το βράδυ γυρίζουν στην πόλη.",
    "tr": "Vapur saat altıda limandan ayrılır. Postayı ve birkaç kişiyi taşır. Güvertede köpeği ile bir adam durur. "
    "Denize bakar ve hiç konuşmaz. Köpek güneşte uyur. Bir çocuk ona saati sorar ama onun saati yoktur. Çan "
    "çalar ve herkes kapıya gider. Ada çok küçük ve yeşildir. Bu akşam şehre geri dönerler. Uzun bir gün oldu ve "
    "her şey bitti.",
    "fi": "Lautta lähtee satamasta kello kuusi. Se vie postia ja muutamia ihmisiä. Kannella seisoo mies, joka on "
    "tullut koiran kanssa. Hän katsoo merta ja ei sano mitään. Koira nukkuu auringossa. Lapsi kysyy, mitä kello "
    "on, mutta hän ei tiedä. Kello soi ja kaikki menevät ovelle. Saari on pieni ja vihreä. Illalla he palaavat "
    "kaupunkiin. Se oli pitkä päivä.",
    "ar": "تغادر العبارة الميناء في الساعة السادسة. تحمل البريد وعددا من الناس. على السطح رجل مع كلب. ينظر إلى البحر "
    "ولا يقول شيئا. الكلب نائم في الشمس. سأله طفل عن الوقت. لم يكن معه ساعة. دق الجرس وذهب كل الناس إلى الباب. "
    "هذه الجزيرة صغيرة وخضراء. في المساء يعودون إلى المدينة بعد يوم طويل. كان ذلك اليوم من أجمل الأيام التي مرت "
    "على الجزيرة.",
    "hi": "नाव छह बजे बंदरगाह से निकलती है। वह डाक और कुछ लोगों को ले जाती है। डेक पर एक आदमी कुत्ते के साथ खड़ा है। "
    "वह समुद्र को देखता है और कुछ नहीं कहता। कुत्ता धूप में सोता है। एक बच्चा उससे समय पूछता है। उसके पास घड़ी "
    "नहीं है। घंटी बजती है और सब दरवाज़े की ओर जाते हैं। द्वीप छोटा और हरा है। शाम को वे शहर में लौट आते हैं।",
    "ko": "배는 여섯 시에 항구를 떠난다. 우편물과 몇 사람을 태우고 간다. 갑판에는 개를 데리고 온 남자가 서 있다. 그는 "
    "바다를 바라보며 아무 말도 하지 않는다. 개는 햇볕에서 잠을 잔다. 아이가 그에게 시간을 묻는다. 그는 시계가 "
    "없다. 종이 울리고 모두가 문으로 간다. 섬은 작고 푸르다. 저녁에 그들은 도시로 돌아온다.",
    "zh": "渡船六点离开港口。船上有邮件，也有几个人。一个男人带着狗站在甲板上。他看着海，什么也没有说。狗在太阳下睡觉。"
    "一个孩子问他现在几点。他没有手表。铃响了，我们看见大家都走到门口。这个岛很小，也很绿。晚上他们已经回到城里。",
    "th": "เรือออกจากท่าตอนหกโมง มันนำจดหมายและผู้คนไปด้วย บนดาดฟ้ามีผู้ชายอยู่กับสุนัข เขามองทะเลและไม่พูดอะไร "
    "สุนัขนอนกลางแดด เด็กคนหนึ่งถามเวลาเขา เขาไม่มีนาฬิกา ระฆังดังแล้วทุกคนเดินไปที่ประตู เกาะนี้เล็กและเขียว "
    "ตอนเย็นพวกเขากลับไปที่เมือง",
}
FILTERS = {
    "gopher_quality": GopherQuality(),
    "gopher_repetition": GopherRepetition(),
    "fineweb_quality": fineweb_quality.with_parameters({}),
    "c4_quality": c4_quality.with_parameters({}),
    "c4_lines": c4_lines.with_parameters({}),
    "word_count": word_count.with_parameters({}),
}


def dropped_by(text: str) -> dict[str, str]:
    """The filters that drop anything of a document of this text, and why."""
    doc = Document(id="d", elements=(Text(position=0, text=text),))
    outcomes = {name: list(step.process([doc])) for name, step in FILTERS.items()}
    return {name: out.drop.reason for name, outs in outcomes.items() for out in outs if isinstance(out, Dropped)}


@pytest.mark.parametrize("language", PROSE)
def test_plain_prose_passes_every_quality_filter(language: str) -> None:
    assert dropped_by(PROSE[language]) == {}


@pytest.mark.parametrize("language", PROSE)
def test_shuffled_letters_do_not(language: str) -> None:
    letters = list(PROSE[language])
    random.Random(1).shuffle(letters)
    assert dropped_by("".join(letters)) != {}


@pytest.mark.parametrize("language", PROSE)
def test_a_repeated_sentence_does_not(language: str) -> None:
    sentence = PROSE[language][:40]
    assert "gopher_repetition" in dropped_by(f"{sentence}. " * 20)


OF_FEW_WORDS = {
    "sn": "Murume akamira nembwa yake. Anotarisa gungwa asi haatauri chinhu. Imbwa yakarara muzuva nekuti kunopisa.",
    "zu": "Indoda imi nenja. Ibuka ulwandle kodwa ayisho lutho. Inja ilele elangeni ngoba kufudumele kakhulu.",
    "xh": "Indoda imi nenja. Ijonga ulwandle kodwa ayithethi nto. Inja ilele elangeni kuba kushushu apha.",
    "la": "In navi vir cum cane stat. Mare spectat sed nihil dicit. Canis in sole dormit.",
}


@pytest.mark.parametrize("language", OF_FEW_WORDS)
def test_the_language_of_prose_is_told_where_few_words_are_published(language: str) -> None:
    text = OF_FEW_WORDS[language]
    assert language_of_prose(text, text.lower().replace(".", "").split(), 2) == language
