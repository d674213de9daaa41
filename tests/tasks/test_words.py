"""Text metrics in any script, against oracles written by hand or by others."""

from __future__ import annotations

import random
import re
import string
import sys
import unicodedata
from collections import Counter

import pytest

from narrowcast.core.example import Example
from narrowcast.core.prediction import Prediction
from narrowcast.core.task import TaskSpec
from narrowcast.tasks import handler_for

TEXT = handler_for(TaskSpec(profile="instruction"))
QA = handler_for(TaskSpec(profile="qa"))
RAG = handler_for(TaskSpec(profile="rag"))
ASCII = "abcXYZ019 .,'-_$+<>()\n\t"
PUNCTUATION = {chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code))[0] == "P"}
PUNCTUATION |= set(string.punctuation)


def score(handler, wanted, answer):
    return handler.score([Example({"text": "q"}, wanted, "s", 0)], [Prediction(answer)]).metrics


def lcs(left, right):
    """Length of the longest common subsequence, by definition."""
    table = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@pytest.mark.parametrize(
    "text",
    [
        "Заказ 17 отменён полностью",
        "订单十七已取消",
        "คำสั่งซื้อถูกยกเลิก",
        "تم إلغاء الطلب",
        "ההזמנה בוטלה",
        "주문이 취소되었습니다",
        "注文はキャンセルされました",
        "आदेश रद्द कर दिया गया",
        "Η παραγγελία ακυρώθηκε",
        "Straße größer",
    ],
)
def test_equal_texts_are_wholly_alike_in_every_script(text):
    result = score(TEXT, text, text)
    assert (result["rouge_l"], result["chrf"]) == (1.0, pytest.approx(1.0))
    composed, parts = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert score(TEXT, composed, parts)["rouge_l"] == 1.0
    assert score(QA, text, f"«{text}»。")["exact_match"] == 1.0
    assert score(QA, text, f"{text}!")["token_f1"] == 1.0


@pytest.mark.parametrize("text", ["👍🏽🎉", "?!", "©"])
def test_equal_texts_without_letters_are_alike(text):
    assert score(TEXT, text, text)["rouge_l"] == 1.0


@pytest.mark.parametrize(
    ("wanted", "answer", "rouge"),
    [
        ("Заказ 17 отменён полностью", "Заказ 17 доставлен", 2 * 2 / (4 + 3)),
        ("订单已取消", "订单已送达", 2 * 3 / (5 + 5)),
        ("café crème", "cafe creme", 0.0),
        ("हाँ ठीक है", "हाँ नहीं है", 2 * 2 / (3 + 3)),
        ("GPT 模型 v2", "gpt 模 v2", 2 * 3 / (4 + 3)),
        ("می\u200cروم خانه", "میروم خانه", 1.0),
        ("ＡＢＣ　１２", "abc 12", 1.0),
    ],
)
def test_rouge_counts_the_words_of_a_script(wanted, answer, rouge):
    assert score(TEXT, wanted, answer)["rouge_l"] == pytest.approx(rouge)


@pytest.mark.parametrize(
    ("wanted", "answer", "exact", "f1"),
    [
        ("北京市朝阳区", "北京市朝阳区。", 1.0, 1.0),
        ("北京市朝阳区", "北京", 0.0, 2 * 2 / (6 + 2)),
        ("Paris", "“Paris”", 1.0, 1.0),
        ("der Fluss", "den Fluss", 0.0, 0.5),
        ("в Москве", "«В Москве»", 1.0, 1.0),
        ("٢٠٢٤", "٢٠٢٤", 1.0, 1.0),
        ("the U.S.", "US", 1.0, 1.0),
    ],
)
def test_squad_scores_count_the_words_of_a_script(wanted, answer, exact, f1):
    result = score(QA, wanted, answer)
    assert (result["exact_match"], result["token_f1"]) == (exact, pytest.approx(f1))


def test_grounding_counts_the_words_of_a_script():
    example = Example({"contexts": ["北京市朝阳区。"], "question": "在哪里"}, "朝阳区", "s", 0)
    assert RAG.score([example], [Prediction("朝阳区")]).metrics["k_precision"] == 1.0
    assert RAG.score([example], [Prediction("上海市")]).metrics["k_precision"] == pytest.approx(1 / 3)


def test_ascii_texts_score_as_rouge_score_does():
    from rouge_score.rouge_scorer import RougeScorer

    scorer, draw = RougeScorer(["rougeL"]), random.Random(0)
    for _ in range(300):
        wanted, answer = ("a" + "".join(draw.choices(ASCII, k=draw.randint(1, 30))) for _ in range(2))
        assert score(TEXT, wanted, answer)["rouge_l"] == scorer.score(wanted, answer)["rougeL"].fmeasure


def test_ascii_texts_score_as_squad_does():
    def normal(text):
        text = "".join(char for char in text.lower() if char not in set(string.punctuation))
        return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())

    draw = random.Random(1)
    for _ in range(300):
        wanted, answer = ("b" + "".join(draw.choices(ASCII, k=draw.randint(1, 30))) for _ in range(2))
        given, gold = normal(answer).split(), normal(wanted).split()
        shared = sum((Counter(given) & Counter(gold)).values())
        result = score(QA, wanted, answer)
        assert result["exact_match"] == float(normal(answer) == normal(wanted))
        assert result["token_f1"] == pytest.approx(2 * shared / (len(given) + len(gold)))


def test_chinese_scores_as_mlqa_does_and_russian_by_its_words():
    """MLQA: punctuation of Unicode left out, then characters; ROUGE-L from the longest common subsequence."""
    draw = random.Random(2)
    for letters, split in (("京市朝阳区的是。，", list), ("абвг дежз .,", str.split)):
        for _ in range(100):
            texts = [letters[0] + "".join(draw.choices(letters, k=draw.randint(1, 20))) for _ in range(2)]
            wanted, answer = (
                split("".join(char for char in text if char not in PUNCTUATION)) for text in texts
            )
            shared = sum((Counter(wanted) & Counter(answer)).values())
            assert score(QA, *texts)["token_f1"] == pytest.approx(2 * shared / (len(wanted) + len(answer)))
            if split is list:
                common = 2 * lcs(wanted, answer) / (len(wanted) + len(answer))
                assert score(TEXT, *texts)["rouge_l"] == pytest.approx(common)
