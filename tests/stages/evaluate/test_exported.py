import pytest

from narrowcast.errors import StageError
from narrowcast.stages.evaluate.exported import read_inputs
from narrowcast.stages.evaluate.options import ExportedOptions
from narrowcast.store.files import write_json


def test_exported_files_need_a_run_and_its_bundle(intents):
    with pytest.raises(StageError) as caught:
        read_inputs(intents.paths, ExportedOptions())
    assert caught.value.reason_code == "eval_model_missing"

    write_json(intents.paths.stage_records / "train.json", {"run_id": "exp-0000000001"})
    with pytest.raises(StageError, match="no GGUF file") as caught:
        read_inputs(intents.paths, ExportedOptions())
    assert caught.value.reason_code == "export_artifact_missing"
    assert caught.value.next_command == "narrowcast export"
