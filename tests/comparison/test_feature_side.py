"""The feature model's sums by phase are of models that did not see the row, and hold no texture."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.comparison.feature_side import MASK_OF, STRUCTURE, feature_side
from micro_features.explain.compare import rank_correlation
from micro_features.fitting.dataset import read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.explaining import left_out_contributions
from micro_features.network.beside import FeatureFit

N = 36
FOLD = np.repeat(np.arange(3), N // 3)
FITTED = FeatureFit("xgboost", Path("folds.csv"), np.zeros(N), {}, 0, {})


def dataset_with(tmp_path, cause, **columns):
    """36 rows of 6 groups; log10 conductivity is -3 less twice the cause."""
    rng = np.random.default_rng(0)
    names = ["porosity", "grain_diameter_mean_um", "boundary_length_per_area_per_um", "texture_spectrum_slope"]
    told = {name: rng.random(N) for name in names} | columns
    table = pd.DataFrame({"micrograph_id": [f"p{row:02}" for row in range(N)], **told})
    table["sigma_S_per_cm"] = 10 ** (-3 - 2 * told[cause])
    table["batch"] = np.repeat([f"g{number}" for number in range(6)], N // 6)
    table.to_csv(tmp_path / "features.csv", index=False)
    return read_dataset(tmp_path / "features.csv", DatasetRequest("sigma_S_per_cm", "batch"))


def of(dataset):
    found = feature_side(dataset, FOLD, FITTED, threads=1)
    assert found is not None
    return found


def test_sums_and_base_are_the_prediction_of_the_structure_model(tmp_path):
    dataset = dataset_with(tmp_path, "porosity")
    found = of(dataset)
    base = left_out_contributions(found.structure, dataset.X.to_numpy(float), FOLD)[1]
    np.testing.assert_allclose(found.sums.sum(axis=1) + base, found.structure.predicted, atol=1e-4)
    assert list(STRUCTURE) == list(MASK_OF) == ["pore", "grain structure"]
    # Porosity is the cause and lowers the property; nothing else speaks.
    porosity = dataset.X["porosity"].to_numpy()
    assert rank_correlation(found.sums[:, :1], porosity[:, None])[0] < -0.9
    assert np.abs(found.sums[:, 0]).mean() > 3 * np.abs(found.sums[:, 1]).mean()
    assert found.shares["pore"] > 0.6
    assert sum(found.shares.values()) == pytest.approx(1)


@pytest.mark.parametrize("cause", ["grain_diameter_mean_um", "boundary_length_per_area_per_um"])
def test_grains_and_boundaries_are_one_quantity(tmp_path, cause):
    found = of(dataset_with(tmp_path, cause))
    assert np.abs(found.sums[:, 1]).mean() > 3 * np.abs(found.sums[:, 0]).mean()


def test_texture_never_enters_what_is_compared(tmp_path):
    rng = np.random.default_rng(1)
    one = of(dataset_with(tmp_path, "porosity"))
    other = of(dataset_with(tmp_path, "porosity", texture_spectrum_slope=rng.random(N)))
    np.testing.assert_array_equal(one.sums, other.sums)
    np.testing.assert_array_equal(one.structure.predicted, other.structure.predicted)
    # Where texture alone knows the property, the model of all features is good, and the one compared is not.
    found = of(dataset_with(tmp_path, "texture_spectrum_slope"))
    y = -3 - 2 * pd.read_csv(tmp_path / "features.csv")["texture_spectrum_slope"].to_numpy()
    assert np.corrcoef(found.whole.predicted, y)[0, 1] > 0.95
    assert np.corrcoef(found.structure.predicted, y)[0, 1] < 0.5
    assert found.shares["texture"] > 0.7


def test_a_row_is_asked_of_a_model_that_did_not_see_it(tmp_path):
    dataset = dataset_with(tmp_path, "porosity")
    found, X = of(dataset), dataset.X.to_numpy(float)
    again = [found.predict(X[row : row + 1], row)[0] for row in range(N)]
    np.testing.assert_allclose(again, found.whole.predicted, rtol=1e-6)
    others = [found.predict(X[row : row + 1], (row + N // 3) % N)[0] for row in range(N)]
    assert not np.allclose(others, found.whole.predicted, rtol=1e-6)


def test_without_such_features_there_is_nothing_to_compare(tmp_path):
    dataset = dataset_with(tmp_path, "porosity")
    bare = pd.DataFrame(dataset.X[["texture_spectrum_slope"]])
    assert feature_side(_with(dataset, bare), FOLD, FITTED, threads=1) is None


def _with(dataset, X):
    from dataclasses import replace

    return replace(dataset, X=X)


def test_assumed_signs_of_the_fit_are_taken_over(tmp_path):
    dataset = dataset_with(tmp_path, "porosity")
    against = dataclasses.replace(FITTED, assumed={"porosity": 1})
    found = feature_side(dataset, FOLD, against, threads=1)
    free = of(dataset)
    porosity = dataset.X[["porosity"]].to_numpy()
    assert rank_correlation(free.sums[:, :1], porosity)[0] < -0.9
    # Porosity lowers the property; a model that is told that it raises it can not learn that from it.
    assert np.abs(found.sums[:, 0]).max() < 0.2 * np.abs(free.sums[:, 0]).max()
