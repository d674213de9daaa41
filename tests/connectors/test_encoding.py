"""Encodings: found without being named, and said."""

from pathlib import Path

import pytest

from narrowcast.connectors.csv_file import CsvConnector

TEXTS = {
    "cp1251": "Где моя карта и когда она придёт",
    "koi8_r": "Где моя карта и когда она придёт",
    "euc_jp": "私のカードはいつ届きますか、教えてください",
    "gb18030": "我的卡什么时候到达呢",
    "big5": "我的卡片什麼時候到達呢",
    "euc_kr": "제 카드는 언제 도착하나요",
    "cp1252": "Où est ma carte; elle n’est pas arrivée – “déjà” payée 5 €",
    "cp1250": "Žluťoučký kůň příliš úpěl ďábelské ódy",
    "cp1253": "Πού είναι η κάρτα μου",
    "utf-8-sig": "Où est ma carte",
    "utf-16": "Où est ma carte",
    "utf-32": "Où est ma carte",
    "utf-16-le": "Where is my card",
}


@pytest.mark.parametrize("name", TEXTS)
def test_encodings_are_found_and_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.csv"
    content = "text,label\n" + "".join(f"{TEXTS[name]} {number},a\n" for number in range(200))
    path.write_bytes(content.encode(name))
    connector = CsvConnector(str(path))
    assert next(connector.load()).data == {"text": f"{TEXTS[name]} 0", "label": "a"}
    description = connector.describe()
    assert description.encoding == name
    assert any(name in note for note in description.notes)


def test_the_option_wins_over_the_guess(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("text,label\nKartım nerede ığüş,a\nKartım yok,b\n".encode("cp1254"))
    connector = CsvConnector(f"{path}?encoding=cp1254")
    assert next(connector.load()).data["text"] == "Kartım nerede ığüş"
    assert "as the locator says" in connector.describe().notes[0]
