"""A forecast from a few steps, kept with the run and compared with what happened."""

from __future__ import annotations

import pytest

from narrowcast.models.loading import read_run_manifest
from narrowcast.models.memory import available_bytes, peak_bytes, reset_peak
from narrowcast.store.files import read_json, write_json
from narrowcast.training.options import Options
from narrowcast.training.outputs.interrupted import interrupted_runs
from narrowcast.training.preflight.budget import budget_seconds
from narrowcast.training.preflight.forecast import Forecast, compare, step_seconds

pytestmark = pytest.mark.nightly


def test_cost_is_read_between_the_updates_that_were_timed():
    assert step_seconds([100, 200, 300], [(100, 1.0), (300, 5.0)]) == pytest.approx(3.0)
    assert step_seconds([100, 200], [(100, 2.0)]) == pytest.approx(3.0)
    assert step_seconds([50, 50], [(100, 2.0)]) == pytest.approx(1.0)


def test_a_run_that_stopped_early_is_compared_with_its_share():
    forecast = Forecast(
        seconds=100,
        peak_bytes=900,
        timed_steps=10,
        seconds_per_step=1,
        seconds_per_shape=0,
        seconds_per_dev_loss=0,
        steps=100,
        dev_losses=0,
    )
    found = compare(forecast, seconds=40, peak_bytes=1000, steps=50)
    assert found.seconds_error == pytest.approx(0.25)
    assert found.memory_error == pytest.approx(-0.1)


def test_the_peak_counts_from_the_reset():
    held = bytearray(b"1") * 200_000_000
    high = peak_bytes()
    del held
    reset_peak()
    assert peak_bytes() < high - 100_000_000
    assert available_bytes() > 0


def test_the_forecast_is_kept_and_compared_and_changes_no_weight(workshop):
    options = {"epochs": 3, "batch_size": 4, "method": "full"}  # 48 steps
    plain = workshop.train(probe_steps=0, **options)
    assert not (workshop.run_folder / "forecast.json").exists()
    workshop = workshop.elsewhere()
    tried = workshop.train(probe_steps=4, **options)
    assert tried.weights_sha256 == plain.weights_sha256
    forecast = read_json(workshop.run_folder / "forecast.json")
    assert forecast["steps"] == 48
    assert forecast["dev_losses"] == 3
    kept = read_run_manifest(workshop.project, tried.run_id).forecast
    (event,) = [payload for code, _, payload in workshop.events if code == "training_forecast_checked"]
    assert event == kept
    assert abs(kept["memory_error"]) < 0.3  # the interpreter itself outweighs this model
    assert kept["seconds_forecast"] == pytest.approx(forecast["seconds"], abs=0.01)
    assert kept["seconds"] > 0


def test_a_budget_takes_epochs_away_and_the_run_says_so(workshop):
    options = {"epochs": 6, "batch_size": 4, "probe_steps": 4, "method": "full"}  # 96 steps
    workshop.train(**options)
    forecast = Forecast.model_validate(read_json(workshop.run_folder / "forecast.json"))
    assert (forecast.steps, forecast.epochs) == (96, 6)
    two = forecast.with_epochs(2, of=6)
    assert (two.steps, two.dev_losses) == (32, 2)
    assert two.seconds < forecast.seconds
    workshop = workshop.elsewhere()
    tried = workshop.train(**options, budget_minutes=two.seconds / 60)
    recipe = read_run_manifest(workshop.project, tried.run_id).recipe
    assert 1 <= recipe["epochs"] < 6
    assert recipe["reasons"]["epochs"].startswith("6 would take about ")
    assert tried.shortened == f"epochs reduced to {recipe['epochs']}: {recipe['reasons']['epochs']}"
    kept = read_json(workshop.run_folder / "forecast.json")
    assert kept["epochs"] == recipe["epochs"]
    assert kept["steps"] == 16 * recipe["epochs"] == read_run_manifest(workshop.project, tried.run_id).steps


def test_a_run_that_was_cut_to_its_budget_resumes_to_the_same_weights(workshop):
    options = {"epochs": 4, "batch_size": 4, "probe_steps": 4, "budget_minutes": 1e-6, "method": "full"}
    whole, elsewhere = workshop.train(**options), workshop.elsewhere()
    assert read_run_manifest(workshop.project, whole.run_id).steps == 16
    elsewhere.interrupt(9, **options)
    (run,) = interrupted_runs(elsewhere.project)
    assert run.steps == 16
    path = elsewhere.run_folder / "forecast.json"
    write_json(path, {**read_json(path), "epochs": 3})  # nothing seals it
    parts = elsewhere.train(resume=True, **options)
    assert (parts.run_id, parts.weights_sha256) == (whole.run_id, whole.weights_sha256)
    assert read_run_manifest(elsewhere.project, parts.run_id).steps == 16
    assert whole.shortened.startswith("epochs reduced to 1: 4 would take about ")


def test_the_forecast_of_a_former_execution_cuts_no_other_one(workshop):
    options = {"epochs": 3, "batch_size": 4, "probe_steps": 0, "method": "full"}
    whole = workshop.train(**options)
    forecast = Forecast(
        seconds=1,
        peak_bytes=1,
        timed_steps=1,
        seconds_per_step=1,
        seconds_per_shape=0,
        seconds_per_dev_loss=0,
        steps=32,
        dev_losses=2,
        epochs=2,
    )
    elsewhere = workshop.elsewhere()
    folder = elsewhere.project.runs / whole.run_id
    folder.mkdir(parents=True)
    write_json(folder / "forecast.json", forecast.model_dump(mode="json"))
    elsewhere.interrupt(9, **options)
    parts = elsewhere.train(resume=True, **options)
    assert (parts.run_id, parts.weights_sha256) == (whole.run_id, whole.weights_sha256)
    assert read_run_manifest(elsewhere.project, parts.run_id).steps == 48


def test_one_epoch_that_is_too_long_is_a_finding(workshop, cli_json):
    options = ["--epochs", "4", "--batch-size", "4", "--probe-steps", "4", "--budget-minutes", "0.00001"]
    found = cli_json("preflight", "--base", workshop.base, "--method", "full", *options, code=1)
    (short,) = [each for each in found["findings"] if each["reason_code"] == "training_time_short"]
    assert short["what"].startswith("one epoch may take ")
    assert not short["blocks"]
    assert found["plan"]["recipe"]["epochs"] == 1


def test_the_default_budget_holds_for_epochs_that_nobody_chose():
    assert budget_seconds(Options()) == 3600
    assert budget_seconds(Options(epochs=5)) == float("inf")
    assert budget_seconds(Options(epochs=5, budget_minutes=2)) == 120
    assert Options().identity() == Options(budget_minutes=None).identity()
    assert "budget_minutes" not in Options().identity()
