"""What models say of the picture on the page."""

import numpy as np
import pytest

from micro_features import Settings, jobs, pipeline
from micro_features.app import predicting
from micro_features.app.engine import Bench, View
from micro_features.app.heat import heat_layer, heat_of, shap_layer
from micro_features.files.artefacts import shipped
from micro_features.fitting import property_model

PICTURE = shipped("data", "synthetic", "micrographs") / "s02b.png"


@pytest.fixture(scope="module")
def bench():
    jobs.use_one_thread()
    return Bench(PICTURE, 0, micrograph_id="a", stated=jobs.Stated(), max_pixels=10**9)


@pytest.fixture(scope="module")
def model():
    return property_model.load("llzto-xgboost")


def test_a_prediction_has_interval_and_warnings(bench, model):
    told = predicting.predict_row(model, bench.result(Settings(), ()).row, Settings())
    assert told["low"] < told["value"] < told["high"]
    assert (told["unit"], told["level"], told["class"]) == ("S/cm", 0.8, None)
    assert "other magnification" in told["warning"]  # a drawn section is not at x250
    assert "settings" not in told["warning"]


def test_other_settings_than_the_trainings_are_said(bench, model):
    moved = Settings().updated({"pores.threshold": 0.4})
    told = predicting.predict_row(model, bench.result(moved, ()).row, moved)
    assert "outside the settings" in told["warning"]


def test_a_row_without_the_models_columns_has_no_number(model):
    told = predicting.predict_row(model, {"micrograph_id": "a", "pixel_um": 0.3745}, Settings())
    assert np.isnan(told["value"])
    assert "none of the model's features" in told["warning"]


def test_heat_is_painted_cell_by_cell(bench):
    pytest.importorskip("torch")
    from micro_features.network import cnn_model

    heat = heat_of(cnn_model.load("llzto-cnn"), bench.micrograph)
    rows, cols = bench.micrograph.image.shape
    whole = heat_layer(heat, View(0, 0, rows, cols))
    first_row, last_row, first_col, last_col = heat.frame
    assert np.isnan(whole.values[last_row + 1 :]).all()
    inside = whole.values[first_row : last_row + 1, first_col : last_col + 1]
    assert np.isfinite(inside).all()
    assert set(np.unique(inside)) <= set(heat.values.ravel())
    assert whole.high == -whole.low == np.abs(heat.values).max()
    # The middle of each cell shows that cell.
    row = int(heat.cells.origin + 2.5 * heat.cells.edge)
    col = int(heat.cells.origin + 3.5 * heat.cells.edge)
    assert inside[row, col] == heat.values[2, 3]
    part = heat_layer(heat, View(30, 40, 101, 80, 2))
    np.testing.assert_array_equal(part.values, whole.values[30:131:2, 40:120:2])


def test_shap_is_painted_on_its_phase_and_texture_is_told(bench, model):
    outcome = bench.result(Settings(), ())
    rows, cols = bench.micrograph.image.shape
    layer = shap_layer(model, outcome.row, outcome.segmentation, Settings(), View(0, 0, rows, cols))
    phases = {feature.phase for feature in model.features}
    assert "texture" in phases
    assert "texture" in layer.legend
    assert "has no place" in layer.legend
    masks = pipeline.phases(outcome.segmentation, Settings())
    assert np.isnan(layer.values[masks.interior]).all()
    if not phases & {"pore", "grain", "boundary"}:
        assert np.isnan(layer.values).all()
