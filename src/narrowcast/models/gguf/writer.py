"""Write a model folder as one GGUF file, tensor by tensor, so that memory stays at one tensor's size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from narrowcast.errors import ModelError
from narrowcast.models.credit import NO_CREDIT, BaseCredit
from narrowcast.models.gguf.architecture import Architecture
from narrowcast.models.gguf.families import architecture_of
from narrowcast.models.gguf.rotary import frequency_factors, head_size, rope_parameters
from narrowcast.models.gguf.tensors import StoredTensor, stored_tensors
from narrowcast.models.gguf.vocabulary import Vocabulary, read_vocabulary
from narrowcast.plugins.optional import require

FloatType = Literal["f32", "f16", "bf16"]

NORMALIZER_KEY = "narrowcast.tokenizer.normalizer"
STOP_KEY = "narrowcast.tokenizer.stop_token_ids"
PREFIX_KEY = "narrowcast.tokenizer.prefix"
_LARGEST_F16 = 65504.0


@dataclass(frozen=True, slots=True)
class GgufPlan:
    """What a model folder becomes as a GGUF file, before anything is written."""

    config: dict[str, Any]
    architecture: Architecture
    tensors: dict[str, StoredTensor]
    """llama.cpp's names, in the order in which they are written."""
    vocabulary: Vocabulary
    factors: dict[str, Any]
    """Tensors that follow from the configuration: rotary frequencies."""
    credit: BaseCredit

    def names(self) -> list[str]:
        """Every tensor of the file, in order."""
        return [*self.factors, *self.tensors]

    def shape(self, name: str) -> tuple[int, ...]:
        """Rows first, as numpy has it."""
        return tuple(self.factors[name].shape) if name in self.factors else self.tensors[name].shape

    def weights(self, name: str) -> Any:
        """A tensor in float32, its rows in llama.cpp's order.

        Raises:
            ModelError: values that are not finite.
        """
        return self.stored(name, "f32")

    def stored(self, name: str, dtype: FloatType) -> Any:
        """A tensor as it lies in the file."""
        if name in self.factors:
            return self.factors[name]
        return _array(name, self.tensors[name], self.config, self.architecture, dtype)

    def metadata(self, dtype: FloatType, name: str = "narrowcast") -> dict[str, Any]:
        """The file's key-value pairs."""
        import gguf

        writer = gguf.GGUFWriter(None, self.architecture.name)
        self.describe(writer, dtype, name)
        return {key: each.value for key, each in writer.kv_data[0].items()}

    def describe(self, writer: Any, dtype: FloatType, name: str) -> None:
        """Tell a writer everything but the tensors."""
        _add_metadata(writer, self.config, self.architecture, dtype, name)
        _add_credit(writer, self.credit)
        _add_vocabulary(writer, self.vocabulary)


def _add_credit(writer: Any, credit: BaseCredit) -> None:
    """As the GGUF specification has it; what is empty is not written."""
    if credit.licence:
        writer.add_license(credit.licence)
    if credit.name:
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, credit.name)
        if credit.note:
            writer.add_base_model_description(0, credit.note)
        if credit.repository:
            writer.add_base_model_repo_url(0, credit.repository)


def plan_gguf(folder: Path, credit: BaseCredit = NO_CREDIT) -> GgufPlan:
    """Read a model folder (safetensors, `config.json`, tokenizer, chat template).

    Raises:
        ModelError: an architecture, setting or tokenizer that would not come out equal.
    """
    require("gguf", "numpy", purpose="writing GGUF")
    config = _config(folder)
    try:
        architecture = architecture_of(config, str(folder))
        config = {**architecture.defaults, **config}
        names, rows = architecture.tensor_names(config), config["vocab_size"]
        factors = frequency_factors(config)
    except KeyError as error:
        raise ModelError(f"config.json lacks {error.args[0]}", where=str(folder)) from error
    tensors = _checked(stored_tensors(folder), names, config, folder)
    return GgufPlan(config, architecture, tensors, read_vocabulary(folder, rows), factors, credit)


def write_gguf(
    folder: Path,
    target: Path,
    dtype: FloatType = "f16",
    *,
    name: str = "narrowcast",
    credit: BaseCredit = NO_CREDIT,
) -> None:
    """Write `target` from a model folder (safetensors, `config.json`, tokenizer, chat template).

    Matrices get `dtype`; vectors (norms) stay float32, as llama.cpp wants them.

    Raises:
        ModelError: an architecture, setting, tokenizer or tensor that would not come out equal.
    """
    plan = plan_gguf(folder, credit)
    import gguf

    writer = gguf.GGUFWriter(target, plan.architecture.name)
    plan.describe(writer, dtype, name)
    for ours, factors in plan.factors.items():
        writer.add_tensor_info(ours, factors.shape, factors.dtype, factors.nbytes)
    for ours, tensor in plan.tensors.items():
        _add_tensor_info(writer, ours, tensor, dtype)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for ours in plan.names():
            writer.write_tensor_data(plan.stored(ours, dtype))
    finally:
        writer.close()


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"config.json cannot be read: {error}", where=str(folder)) from error
    return config


def _checked(
    stored: dict[str, StoredTensor], names: dict[str, str], config: dict[str, Any], folder: Path
) -> dict[str, StoredTensor]:
    missing = [name for name in names if name not in stored]
    tied = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    foreign = [name for name in stored if name not in names and name not in tied]
    if missing or foreign:
        raise ModelError(
            f"the weights do not match the architecture: {len(missing)} tensor(s) missing, "
            f"{len(foreign)} unknown, e.g. {(missing + foreign)[0]}",
            where=str(folder),
        )
    return {ours: stored[theirs] for theirs, ours in names.items()}


def _add_metadata(
    writer: Any, config: dict[str, Any], architecture: Architecture, dtype: FloatType, name: str
) -> None:
    import gguf

    file_types = {
        "f32": gguf.LlamaFileType.ALL_F32,
        "f16": gguf.LlamaFileType.MOSTLY_F16,
        "bf16": gguf.LlamaFileType.MOSTLY_BF16,
    }
    rope, size = rope_parameters(config), head_size(config)
    writer.add_name(name)
    writer.add_file_type(file_types[dtype])
    writer.add_context_length(architecture.context(config))
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config.get("num_key_value_heads") or config["num_attention_heads"])
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    for key, value in architecture.settings(config).items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        add(f"{architecture.name}.{key}", value)


def _add_vocabulary(writer: Any, vocabulary: Vocabulary) -> None:
    writer.add_tokenizer_model(vocabulary.model)
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    if vocabulary.model == "gpt2":
        writer.add_token_merges(vocabulary.merges)
    else:
        writer.add_token_scores(vocabulary.scores)
        # llama.cpp has no way to add a space at the very beginning alone; our worker reads the second key.
        writer.add_add_space_prefix(vocabulary.prefix == "always")
        writer.add_string(PREFIX_KEY, vocabulary.prefix)
        if vocabulary.unknown is not None:
            writer.add_unk_token_id(vocabulary.unknown)
    writer.add_eos_token_id(vocabulary.eos)
    writer.add_eot_token_id(vocabulary.end_of_turn)
    if vocabulary.bos is not None:
        writer.add_bos_token_id(vocabulary.bos)
    if vocabulary.pad is not None:
        writer.add_pad_token_id(vocabulary.pad)
    writer.add_add_bos_token(vocabulary.add_bos)
    writer.add_add_eos_token(False)
    writer.add_chat_template(vocabulary.chat_template)
    # llama.cpp has no normaliser for BPE; our worker reads this key, other programs pass over it.
    writer.add_string(NORMALIZER_KEY, vocabulary.normalizer)
    writer.add_string(STOP_KEY, ",".join(map(str, vocabulary.stop)))


def _add_tensor_info(writer: Any, name: str, tensor: StoredTensor, dtype: FloatType) -> None:
    import gguf
    import numpy as np

    elements = int(np.prod(tensor.shape))
    if len(tensor.shape) == 1 or dtype == "f32":
        writer.add_tensor_info(name, tensor.shape, np.dtype(np.float32), 4 * elements)
        return
    kind = gguf.GGMLQuantizationType.F16 if dtype == "f16" else gguf.GGMLQuantizationType.BF16
    writer.add_tensor_info(name, tensor.shape, np.dtype(np.float16), 2 * elements, raw_dtype=kind)


def _array(
    name: str,
    tensor: StoredTensor,
    config: dict[str, Any],
    architecture: Architecture,
    dtype: FloatType,
) -> Any:
    """The tensor as it is stored in the file."""
    import numpy as np

    array = tensor.read()
    if not np.isfinite(array).all():
        raise ModelError(f"tensor {name} holds values that are not finite", where=str(tensor.file))
    array = architecture.change(name).write(array, config)
    if array.ndim == 1 or dtype == "f32":
        return np.ascontiguousarray(array, dtype=np.float32)
    if dtype == "bf16":
        import gguf

        return gguf.quants.quantize(np.ascontiguousarray(array), gguf.GGMLQuantizationType.BF16)
    if np.abs(array).max(initial=0.0) > _LARGEST_F16:
        raise ModelError(
            f"tensor {name} does not fit float16",
            where=str(tensor.file),
            next_command="narrowcast export --reference bf16",
        )
    return np.ascontiguousarray(array, dtype=np.float16)
