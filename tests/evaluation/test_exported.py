import pytest

from narrowcast.core.stage import StageContext
from narrowcast.errors import StageError
from narrowcast.evaluation.options import VerifyOptions
from narrowcast.stages.verify import read_inputs
from tests.support.records import set_current_run

pytestmark = pytest.mark.nightly


def test_exported_files_need_a_run_and_its_bundle(intents):
    with pytest.raises(StageError) as caught:
        read_inputs(VerifyOptions(), StageContext(intents.paths, intents.settings))
    assert caught.value.reason_code == "eval_model_missing"

    set_current_run(intents.paths, "exp-0000000001")
    with pytest.raises(StageError, match="no GGUF file") as caught:
        read_inputs(VerifyOptions(), StageContext(intents.paths, intents.settings))
    assert caught.value.reason_code == "export_artifact_missing"
    assert caught.value.next_command == "narrowcast export"
