"""A file is the model, or the first thing in which it is not is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from narrowcast.models.credit import NO_CREDIT
from narrowcast.models.gguf.identity import Mismatch, compare_gguf
from narrowcast.models.gguf.quantise import quantise
from narrowcast.models.gguf.writer import plan_gguf, write_gguf
from narrowcast.testing.tiny import build_tiny_model
from tests.support.export_faults import FAULTS, FORMATS, plant, write_files


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def made(model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_files(model, tmp_path_factory.mktemp("made"))


def found(path: Path, model: Path, name: str, made: dict[str, Path], run_id: str = ""):
    quantised = None if name == "f16" else made[name]
    return compare_gguf(path, plan_gguf(model), name, source="f16", quantised=quantised, run_id=run_id)


@pytest.mark.parametrize("fault", FAULTS, ids=[each.name for each in FAULTS])
def test_a_planted_fault_is_named_in_every_format(model, made, tmp_path, fault):
    files = {name: tmp_path / f"{name}.gguf" for name in FORMATS}
    plant(fault, model, files, "task", tmp_path)
    for name, path in files.items():
        mismatch = found(path, model, name, made).mismatch
        assert mismatch is not None, name
        assert (mismatch.cause, fault.named in mismatch.detail) == (fault.cause, True), (name, mismatch)


@pytest.mark.parametrize(("given", "called"), [("q4_k_m", "f16"), ("q4_k_m", "q8_0"), ("q8_0", "q4_k_m")])
def test_a_file_under_the_name_of_another_format(model, made, given, called):
    mismatch = found(made[given], model, called, made).mismatch
    assert mismatch is not None
    assert mismatch.cause == "weights"
    assert " is stored as " in mismatch.detail or "stands where" in mismatch.detail


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_file(model, made, tmp_path, name, share):
    whole = made[name].read_bytes()
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole[: int(share * len(whole))])
    mismatch = found(path, model, name, made).mismatch
    assert mismatch is not None
    assert mismatch.cause == "file"


def test_a_file_of_another_run(model, tmp_path):
    files = write_files(model, tmp_path, "cards exp-2222222222")
    for name in FORMATS:
        same = found(files[name], model, name, files, "exp-2222222222")
        assert (same.mismatch, same.exact) == (None, True)
        other = found(files[name], model, name, files, "exp-1111111111").mismatch
        assert other == Mismatch("run", "the file is of run exp-2222222222")


def test_a_file_may_lack_the_licence_as_older_ones_do_and_not_have_another(model, tmp_path):
    ours, theirs = (
        NO_CREDIT.model_copy(update={"name": "embedded", "licence": each}) for each in ("cc-by-sa-4.0", "mit")
    )
    plan = plan_gguf(model, ours)
    for credit, mismatch in ((ours, False), (NO_CREDIT, False), (theirs, True)):
        path = tmp_path / "f16.gguf"
        write_gguf(model, path, "f16", credit=credit)
        detail = compare_gguf(path, plan, "f16", source="f16", quantised=None).mismatch
        assert bool(detail) == mismatch
    assert detail is not None
    assert "general.license" in detail.detail
    bare = compare_gguf(path, plan_gguf(model), "f16", source="f16", quantised=None).mismatch
    assert bare is not None
    assert "general.license is not of the model" in bare.detail


def test_one_changed_weight_is_found(model, made, tmp_path):
    import gguf

    path = Path(shutil.copyfile(made["f16"], tmp_path / "f16.gguf"))
    tensor = next(each for each in gguf.GGUFReader(path, "r+").tensors if each.name == "blk.1.attn_q.weight")
    tensor.data[7, 9] += 0.01
    del tensor
    mismatch = found(path, model, "f16", made).mismatch
    assert mismatch is not None
    assert "blk.1.attn_q.weight" in mismatch.detail
    assert "0.01" in mismatch.detail


NIGHTLY = pytest.mark.nightly


@pytest.mark.parametrize("seed", [1, *(pytest.param(each, marks=NIGHTLY) for each in (0, *range(2, 10)))])
def test_unchanged_files_are_the_model(tmp_path, seed):
    """Ten models, both architectures; quantised from another float type the bytes differ, not the verdict."""
    folder = build_tiny_model(tmp_path / "model", seed=seed, family="llama" if seed % 2 else "qwen3")
    files = write_files(folder, tmp_path, formats=(*FORMATS, "f32", "bf16", "q5_k_m", "q6_k"))
    plan = plan_gguf(folder)
    for name, path in files.items():
        quantised = None if name in ("f16", "f32", "bf16") else path
        same = compare_gguf(path, plan, name, source="f16", quantised=quantised)
        assert (same.mismatch, same.exact) == (None, True), name
    write_gguf(folder, tmp_path / "f32.gguf", "f32")
    for name in ("q8_0", "q4_k_m"):
        quantise(tmp_path / "f32.gguf", tmp_path / "other.gguf", name)
        other = compare_gguf(tmp_path / "other.gguf", plan, name, source="f16", quantised=files[name])
        assert (other.mismatch, other.exact) == (None, False), name
