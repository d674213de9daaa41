"""Texts of many languages in the code pages that they come in; which one it is, words tell."""

from pathlib import Path

import pytest

from narrowcast.connectors import connect
from narrowcast.core.locator import Locator

TEXTS = {
    "Polish": ("moja paczka {} jeszcze nie dotarła, proszę o pomoc, źle się stało", "cp1250 iso8859_2 cp852"),
    "Czech": ("můj balíček {} ještě nedorazil, prosím o pomoc, děkuji a přeji hezký den", "cp1250 iso8859_2"),
    "Hungarian": ("a {} csomagom még nem érkezett meg, köszönöm, őszintén kérem, űrlap", "cp1250 iso8859_2"),
    "Turkish": ("siparişim {} hâlâ gelmedi, lütfen yardım edin, çok üzgünüm", "cp1254 iso8859_9"),
    "Lithuanian": ("mano siuntinys {} dar neatėjo, prašau padėti, ačiū už pagalbą, žiūrėkite", "cp1257"),
    "German": (
        "mein Päckchen {} ist noch nicht da, bitte helfen Sie, schöne Grüße",
        "cp1252 mac_roman cp850",
    ),
    "French": ("mon colis {} n'est pas arrivé, où est-il passé ? très déçu", "cp1252 mac_roman cp850"),
    "Spanish": ("mi pedido {} todavía no llegó, ¿dónde está? mañana lo devuelvo", "cp1252 mac_roman cp850"),
    "Danish": ("min pakke {} er ikke nået frem, hjælp, jeg får ingen øre på søndag", "cp1252 mac_roman"),
    "Icelandic": ("pakkinn minn {} er ekki kominn, það er ömurlegt, þú getur hjálpað", "cp1252"),
    "English": ("the café {} wasn’t open – “really” it costs £5 or €7…", "cp1252"),
    "names": (
        "order {} of José Núñez, Jürgen Groß, Søren Kærgård, Zoë Brontë and François Château",
        "cp1252",
    ),
    "currencies": ("it costs £{} or €{}, that’s “all” • really – no…", "cp1252"),
    "Russian": ("мой заказ {} ещё не пришёл, помогите пожалуйста", "cp1251 koi8_r cp866"),
    "RUSSIAN": ("МОЙ ЗАКАЗ {} ЕЩЁ НЕ ПРИШЁЛ, ПОМОГИТЕ", "cp1251 koi8_r"),
    "Greek": ("η παραγγελία μου {} δεν έφτασε ακόμα, παρακαλώ", "cp1253"),
    "Hebrew": ("ההזמנה שלי {} עדיין לא הגיעה, בבקשה עזרה", "cp1255"),
    "Arabic": ("طلبي رقم {} لم يصل بعد من فضلك ساعدني", "cp1256"),
    "Japanese": ("荷物{}がまだ届きません。確認をお願いします", "shift_jis euc_jp"),
    "Chinese": ("我的包裹{}还没有到，请帮我查一下订单", "gb18030"),
}


@pytest.mark.parametrize(
    ("language", "page"), [(name, page) for name, (_, pages) in TEXTS.items() for page in pages.split()]
)
def test_the_code_page_is_found_by_its_words(tmp_path: Path, language: str, page: str) -> None:
    path = tmp_path / "x.csv"
    text = TEXTS[language][0]
    wanted = [text.format(number, number).replace(",", " ") for number in range(12)]
    path.write_bytes("".join(["text,label\n", *(f"{each},late\n" for each in wanted)]).encode(page))
    assert [row.data["text"] for row in connect(Locator("csv", str(path))).load()] == wanted
