"""The table of formats, and what is named after it."""

from __future__ import annotations

from typing import get_args

import pytest

from narrowcast.core.formats import FORMATS, KINDS, file_name, kind_of
from narrowcast.core.model_ref import ModelRef
from narrowcast.models.gguf.quantise import QUANTISATIONS
from narrowcast.models.predictors.load import PREDICTORS
from narrowcast.stages.export.options import Format


def test_the_option_and_the_writers_have_the_formats_of_the_table():
    assert set(get_args(Format)) == set(FORMATS)
    assert set(QUANTISATIONS) == {name for name, each in FORMATS.items() if each.quantised}
    assert set(KINDS) <= set(PREDICTORS.names())


@pytest.mark.parametrize(
    ("name", "kind", "file"),
    [("q8_0", "gguf", "model-q8_0.gguf"), ("f16", "gguf", "model-f16.gguf"), ("onnx", "onnx", "model.onnx")],
)
def test_a_format_says_what_its_file_is(name, kind, file):
    assert (kind_of(name), file_name(name), kind_of(f"/some/{file}")) == (kind, file, kind)
    assert ModelRef.of_file(name) == f"{kind}:{name}"
    assert ModelRef.of_file(f"/some/{file}").is_file
