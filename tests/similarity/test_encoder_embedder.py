"""A sentence encoder as embedder: through the commands, with its vectors kept in the workspace."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from narrowcast.core.progress import CancelToken
from narrowcast.core.settings import Settings
from narrowcast.core.work import Work
from narrowcast.duplicates.dedupe import dedupe
from narrowcast.duplicates.requests import DedupeRequest
from narrowcast.errors import CancelledError, UsageError
from narrowcast.models.catalogue import find_encoder
from narrowcast.models.encoders.encoder import Encoder
from narrowcast.models.encoders.folder import read_encoder_folder
from narrowcast.models.installed import READER, ModelSource, write_source
from narrowcast.models.packages import packaged_folder
from narrowcast.similarity.embedders import EmbedderContext, embedder
from narrowcast.similarity.semantic import semantic_groups
from narrowcast.store.vectors import VectorCache, drop_vectors, text_keys
from narrowcast.testing.tiny import build_tiny_encoder

TEXTS = [
    "where is my card",
    "the rate of the euro",
    "is my card where",
    "a fee for cash",
    "where is my card",
    "the kettle leaks",
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_encoder(tmp_path_factory.mktemp("encoder") / "tiny", normalised=False)


def _source(folder: Path) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return f"jsonl:{path}"


def _cosines(encoder: Path) -> Any:
    vectors = Encoder(read_encoder_folder(encoder)).embed(TEXTS)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors @ vectors.T


def test_rows_are_joined_by_the_cosines_of_the_encoder(
    tmp_path: Path, settings: Settings, encoder: Path
) -> None:
    cosines = _cosines(encoder)
    others = sorted((float(cosines[0, row]) for row in (1, 2, 3, 5)), reverse=True)
    between = (others[0] + others[1]) / 2
    nearest = next(row for row in (1, 2, 3, 5) if cosines[0, row] > between)
    request = DedupeRequest(locator=_source(tmp_path), embedder=f"encoder:{encoder}", meaning=between)
    report = dedupe(settings, request)
    assert {"0", "4", str(nearest)} <= set(report.groups[0].rows)
    assert report.embedder == f"encoder:{encoder}"
    assert report.embedder_version == read_encoder_folder(encoder).fingerprint()
    assert report.meaning == between


def test_with_words_two_texts_are_as_alike_as_the_mean_of_both_cosines(
    settings: Settings, encoder: Path
) -> None:
    context = EmbedderContext(settings)
    words = embedder("tfidf")
    words.fit(TEXTS)
    weights = words.embed(TEXTS)
    mean = (_cosines(encoder) + (weights @ weights.T).toarray()) / 2
    limit = float(np.sort(mean[np.triu_indices(len(TEXTS), 1)])[-3:].mean())
    groups = semantic_groups(TEXTS, embedder(f"encoder-words:{encoder}", context), limit)
    joined = {(left, right) for group in groups for left in group for right in group if left < right}
    assert (0, 4) in joined
    assert {
        (left, right) for left, right in zip(*np.nonzero(mean >= limit), strict=True) if left < right
    } <= joined


def test_vectors_are_kept_by_the_hash_of_their_text(settings: Settings, encoder: Path) -> None:
    by = embedder(f"encoder:{encoder}", EmbedderContext(settings))
    first = by.embed(TEXTS[:3])
    cache = VectorCache(settings.home, by.version, 32)
    assert cache.get(text_keys(TEXTS))[1].tolist() == [True, True, True, False, True, False]
    # What is kept is taken: a marked vector comes back.
    marked = np.zeros((1, 32), np.float32)
    marked[0, 0] = 1
    cache.add(text_keys([TEXTS[3]]), marked)
    again = by.embed(TEXTS)
    assert np.array_equal(again[:3], first)
    assert np.array_equal(again[3], marked[0])
    assert np.allclose(np.linalg.norm(again, axis=1), 1, atol=1e-6)
    kept = settings.home / "vectors" / by.version[:12]
    assert (kept / "keys").stat().st_size == 5 * 8  # each text once
    # A kill between a vector and its key, or in the middle of either, costs that vector alone.
    with (kept / "vectors").open("ab") as file:
        file.write(b"torn")
    with (kept / "keys").open("ab") as file:
        file.write(b"abc")
    cache.add(text_keys(["another"]), marked)
    found, known = cache.get(text_keys(["another", TEXTS[0]]))
    assert known.all()
    assert np.array_equal(found, [marked[0], first[0]])


def test_a_deletion_waits_for_who_reads(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the keys of before would be paired with the vectors of after."""
    cache, keys = VectorCache(settings.home, "0" * 64, 2), text_keys(["first", "second"])
    before, after = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    cache.add(keys, before)

    def replace() -> None:
        drop_vectors(settings.home)
        cache.add(keys[::-1], after)

    other, memmap = threading.Thread(target=replace), np.memmap

    def mapped(*args: Any, **options: Any) -> Any:
        other.start()
        other.join(0.3)  # as long as it is kept out, it does not end
        return memmap(*args, **options)

    monkeypatch.setattr(np, "memmap", mapped)
    found, known = cache.get(keys)
    other.join()
    monkeypatch.undo()
    assert known.all()
    assert np.array_equal(found, before)
    assert np.array_equal(cache.get(keys)[0], after)


def test_embedding_stops_on_request(settings: Settings, encoder: Path) -> None:
    token = CancelToken()
    token.cancel()
    by = embedder(f"encoder:{encoder}", EmbedderContext(settings, Work(cancel=token)))
    with pytest.raises(CancelledError):
        by.embed(TEXTS)


def test_an_encoder_that_nobody_measured_needs_a_threshold(cli: Any, tmp_path: Path, encoder: Path) -> None:
    source = _source(tmp_path)
    refused = cli("data", "dedupe", "-l", source, "--embedder", f"encoder-words:{encoder}", code=2)
    assert "was not measured" in refused.stderr
    assert "--meaning 0.8" in refused.stderr
    shown = cli("data", "dedupe", "-l", source, "--embedder", f"encoder-words:{encoder}", "--meaning", "0.8")
    assert "cosine of at least 0.8" in shown.stdout
    with pytest.raises(UsageError, match="no encoder is named"):
        embedder("encoder")


def test_auto_takes_word_weights_where_no_encoder_is_and_says_so(cli: Any, tmp_path: Path) -> None:
    shown = cli("data", "dedupe", "-l", _source(tmp_path), "--embedder", "auto").stdout
    assert "by tfidf, cosine of at least 0.6" in shown
    assert "narrowcast models pull minilm" in shown


def test_auto_takes_the_encoder_that_was_pulled_with_its_measured_threshold(
    cli: Any, settings: Settings, tmp_path: Path
) -> None:
    entry = find_encoder("minilm")
    assert entry is not None
    assert entry.package is not None
    # Where `models pull` puts it; the weights are random here.
    folder = build_tiny_encoder(packaged_folder(entry.id, entry.package, settings))
    origin = ModelSource(name=entry.id, origin="test", sha256="", licence="", reader=READER)
    write_source(folder, origin)
    shown = cli("data", "leakage", _source(tmp_path), _source(tmp_path)).stdout
    assert "by encoder-words:minilm, cosine of at least 0.64" in shown
    assert "models pull" not in shown
