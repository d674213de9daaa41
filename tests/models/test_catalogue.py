"""The catalogue is data, and says what is estimated."""

from __future__ import annotations

import pytest

from narrowcast.core.run import BaseRecord
from narrowcast.models.catalogue import catalogue, find, near_names, target_modules_of
from narrowcast.models.credit import credit_of


def test_the_catalogue_is_sorted_by_size_and_names_each_model_once():
    models = catalogue().models
    assert [each.parameters_m for each in models] == sorted(each.parameters_m for each in models)
    assert len({each.id for each in models}) == len({each.hub_id for each in models}) == len(models)
    assert {each.family for each in models} >= {"qwen3", "llama", "gemma3", "phi3", "mistral", "smollm3"}


def test_the_families_are_architectures_that_transformers_knows():
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    assert {each.family for each in catalogue().models} <= set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def test_memory_grows_with_size_and_method():
    for entry in catalogue().models:
        assert entry.memory_gb["qlora"] <= entry.memory_gb["lora"] <= entry.memory_gb["full"]
    assert find("qwen3-8b").memory_gb["full"] > 100


def test_names_are_found_in_any_case_and_near_ones_suggested():
    assert find("qwen/qwen3-0.6b") is find("QWEN3-0.6B")
    assert find("nonesuch") is None
    assert "llama-3.2-1b" in near_names("llama-3.2-1")


def test_fused_projections_have_their_own_target_modules():
    assert "qkv_proj" in target_modules_of("phi3")
    assert "q_proj" in target_modules_of("qwen3")
    assert "q_proj" in target_modules_of("unknown")


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("minilm", "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2"),
        ("smollm2-135m", "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct"),
        ("/some/folder", ""),
    ],
)
def test_the_credit_of_a_base_has_its_address_whether_it_is_a_language_model_or_an_encoder(name, repository):
    record = BaseRecord(
        name=name, path="", fingerprint="", architecture="", parameters=1, context_length=1, licence="mit"
    )
    credit = credit_of(record)
    assert (credit.repository, credit.licence) == (repository, "mit")
