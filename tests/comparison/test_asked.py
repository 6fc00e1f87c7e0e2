"""Table, fit, networks and pictures must belong together, and a map must resolve what it is read for."""

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from micro_features.comparison.asked import Layers, dataset_of, fold_of, jobs_of, layers_of, unusable
from micro_features.errors import ArtefactError, FeatureTableError, ImageError, MicroFeaturesError
from micro_features.learn.network import to_bytes
from micro_features.network import cnn_model
from micro_features.network.beside import read_fit
from micro_features.network.pictures import Geometry

from .conftest import N_PICTURES, TARGET, made_up_fit, request_for


@pytest.fixture(scope="module")
def model(made):
    return cnn_model.load(str(made / "cnn" / "model"))


@pytest.fixture(scope="module")
def dataset(made, model):
    return dataset_of(request_for(made), model)


def table_of(made: Path) -> pd.DataFrame:
    """As text, to be changed."""
    return pd.read_csv(made / "features.csv", dtype=str)


# ---- the layer -------------------------------------------------------------------------------------------------------


def layers_for(tmp_path: Path, geometry: Geometry | None = None, **columns: object) -> Layers:
    """Of a table of 4 pictures, or as many as lists have, of 0.5 µm pixels, and 5 that are not in the data set."""
    told = {"pixel_um": 0.5, "quality_grains_resolved": True} | columns
    n = next((len(values) for values in told.values() if isinstance(values, list)), 4)
    names = [f"p{row}" for row in range(n)]
    table = pd.DataFrame({"micrograph_id": [*names, *(f"other{row}" for row in range(5))]})
    for name, values in told.items():
        others = [1e6 if isinstance(values[0], float) else True] * 5 if isinstance(values, list) else []
        table[name] = [*values, *others] if isinstance(values, list) else values
    table.to_csv(tmp_path / "features.csv", index=False)
    network = SimpleNamespace(strides={"stem": 2, "stage1": 4, "stage2": 8, "stage3": 16})
    model = SimpleNamespace(geometry=geometry or Geometry(), networks=[SimpleNamespace(network=network)])
    request = request_for(tmp_path)
    return layers_of(request, model, SimpleNamespace(pictures=dict.fromkeys(names)))  # type: ignore[arg-type]


def test_the_layer_has_two_cells_in_a_grain(tmp_path):
    # Cells of the four layers at reduction 2: 4, 8, 16, 32 px. Grains are 40 px (20 µm), pores 30 px.
    sizes = {"grain_diameter_mean_um": [20.0, 20, 20, 90], "pore_diameter_area_weighted_mean_um": [15.0, 15, 15, 1]}
    assert layers_for(tmp_path, **sizes) == Layers(40.0, 30.0, "stage2", "stage1", "stage2", True)
    # Reduced by 4, cells are 8, 16, 32, 64 px.
    found = layers_for(tmp_path, Geometry(340, 0, 4), **sizes)
    assert (found.grains, found.pores, found.judged) == ("stage1", "stem", "stage1")
    # Windows of 340 µm in 170 network pixels of 2 µm, 4 px of the picture.
    assert layers_for(tmp_path, Geometry(340, 0, 2, window_um=340.0), **sizes) == found


@pytest.mark.parametrize(
    ("grain_um", "pixel_um", "layer"),
    [
        ([3.0, 3.0, 8.0], [0.05, 0.2, 0.2], None),  # 3.75, 3.75 and 10 network pixels
        ([20.0, 3.0, 3.0], [0.1, 0.05, 0.8], None),
        ([10.0, 2.0, 4.0], [0.1, 0.2, 0.4], "stem"),  # 12.5, 2.5 and 5
    ],
)
def test_sizes_are_those_that_the_network_sees_of_each_picture(tmp_path, grain_um, pixel_um, layer):
    """Windows of 136 µm in 170 network pixels of 0.8 µm; a stem cell has 2 of them, and needs a grain of 4."""
    sizes = {"grain_diameter_mean_um": grain_um, "pore_diameter_area_weighted_mean_um": grain_um}
    found = layers_for(tmp_path, Geometry(340, 0, 2, window_um=136.0), pixel_um=pixel_um, **sizes)
    assert (found.grains, found.pores) == (layer, layer)


def test_what_no_layer_resolves_is_named_and_pores_may_run_together(tmp_path):
    def found(grain_um: float, pore_um: float) -> tuple[list[str], bool]:
        sizes = {"grain_diameter_mean_um": grain_um, "pore_diameter_area_weighted_mean_um": pore_um}
        layers = layers_for(tmp_path, **sizes)
        return list(layers.unresolved), layers.run_together

    assert found(20.0, 20.0) == ([], False)
    assert found(20.0, 80.0) == ([], False)  # pores are coarser than they need be
    assert found(20.0, 15.0) == ([], True)  # cells of 16 px, pores of 30 px
    assert found(20.0, np.nan) == (["pore"], False)
    assert found(1.0, 20.0) == (["boundary"], False)
    assert found(1.0, 1.0) == (["pore", "boundary"], False)


def test_grains_count_only_where_they_are_resolved(tmp_path):
    sizes = {"grain_diameter_mean_um": [20.0, 20, 90, 90], "pore_diameter_area_weighted_mean_um": [15.0] * 4}
    in_half = layers_for(tmp_path, **sizes, quality_grains_resolved=[True, True, False, False])
    assert (in_half.grain_px, in_half.grains) == (40.0, "stage2")
    found = layers_for(tmp_path, **sizes, quality_grains_resolved=[True, False, False, False])
    assert np.isnan(found.grain_px)
    assert (found.grains, found.pores, found.judged) == (None, "stage1", "stage1")


def test_where_nothing_is_resolved_the_finest_layer_is_judged(tmp_path):
    found = layers_for(tmp_path, pore_diameter_area_weighted_mean_um=[1.0] * 4)
    assert (found.grains, found.pores, found.judged) == (None, None, "stem")
    assert found.pore_px == 2.0


def test_sizes_in_pixels_serve_where_there_is_no_scale(tmp_path):
    found = layers_for(
        tmp_path,
        pixel_um=[np.nan] * 4,
        grain_diameter_mean_px=[40.0] * 4,
        pore_diameter_area_weighted_mean_px=[30.0] * 4,
    )
    assert found == Layers(40.0, 30.0, "stage2", "stage1", "stage2", True)


def test_a_table_of_other_origin_resolves_nothing(tmp_path):
    (tmp_path / "features.csv").write_text("micrograph_id,porosity\np0,0.1\np1,0.2\n")
    network = SimpleNamespace(strides={"stem": 2, "stage1": 4})
    model = SimpleNamespace(geometry=Geometry(), networks=[SimpleNamespace(network=network)])
    found = layers_of(request_for(tmp_path), model, SimpleNamespace(pictures={"p0": None, "p1": None}))
    assert (found.grains, found.pores, found.judged) == (None, None, "stem")


# ---- what belongs together -------------------------------------------------------------------------------------------


def test_rows_and_folds_are_those_of_the_training(made, model, dataset):
    assert list(dataset.ids) == [f"s{row}" for row in range(8)]
    assert dataset.members["s0"] == ("p0", "p1")
    np.testing.assert_array_equal(
        fold_of(request_for(made), model, dataset, read_fit(made / "fit", dataset)), [0, 0, 1, 1, 0, 0, 1, 1]
    )


@pytest.mark.parametrize("change", ["a row less", "another value", "a picture of a sample less"])
def test_another_table_is_one_clear_error(made, model, tmp_path, change):
    table = table_of(made)
    if change == "a row less":
        table = pd.concat([table, table.iloc[[-1]].assign(micrograph_id="p9", sample_id="s9")]).drop(index=2)
    elif change == "another value":
        table.loc[4, TARGET] = "2e-4"
    else:
        table = table.drop(index=1)
    table.to_csv(tmp_path / "features.csv", index=False)
    with pytest.raises(ArtefactError, match="was trained on other rows") as caught:
        dataset_of(request_for(made, table=tmp_path / "features.csv"), model)
    assert "give the table of its training, features.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_picture_more_is_another_table(made, model, tmp_path):
    table = table_of(made)
    pd.concat([table, table.iloc[[1]].assign(micrograph_id="p9")]).to_csv(tmp_path / "features.csv", index=False)
    with pytest.raises(ArtefactError, match="other rows"):
        dataset_of(request_for(made, table=tmp_path / "features.csv"), model)


def test_other_folds_are_refused(made, model, dataset, tmp_path):
    made_up_fit(tmp_path / "fit", fold=[1, 1, 1, 0, 0, 0, 0, 1, 1])
    with pytest.raises(ArtefactError, match="was trained in other folds than those of") as caught:
        fold_of(request_for(made, fit=tmp_path / "fit"), model, dataset, read_fit(tmp_path / "fit", dataset))
    assert "give the fit that its training was told of" in str(caught.value)


def test_a_fit_of_another_property_is_refused(made, model, dataset, tmp_path):
    made_up_fit(tmp_path / "fit", fold=[0] * 3 + [1] * 2 + [0] * 2 + [1] * 2, target="hardness_GPa")
    with pytest.raises(FeatureTableError, match="predicts hardness_GPa, asked for is sigma_S_per_cm"):
        fold_of(request_for(made, fit=tmp_path / "fit"), model, dataset, read_fit(tmp_path / "fit", dataset))


def test_a_fit_without_its_model_is_refused(made, model, dataset, tmp_path):
    made_up_fit(tmp_path / "fit", fold=[0] * 3 + [1] * 2 + [0] * 2 + [1] * 2)
    shutil.rmtree(tmp_path / "fit" / "model")
    request = request_for(made, fit=tmp_path / "fit")
    with pytest.raises(MicroFeaturesError, match="model"):
        jobs_of(request, model, dataset, layers_of(request, model, dataset))


def test_a_table_without_the_columns_of_the_training_is_told_which_it_was(made, model, tmp_path):
    for column in ("batch", TARGET):
        table_of(made).drop(columns=column).to_csv(tmp_path / "features.csv", index=False)
        with pytest.raises(FeatureTableError) as caught:
            dataset_of(request_for(made, table=tmp_path / "features.csv"), model)
        said = str(caught.value)
        assert said.startswith(f"{made / 'cnn' / 'model'}: was trained on features.csv, on the column {TARGET} in")
        assert "groups of batch, and wants that table again" in said
        assert f"no column {column!r}" in said


def test_pictures_that_are_not_those_of_the_training_are_known_before_any_work(jobs, tmp_path):
    assert unusable(jobs) == {}
    other, broken = (dataclasses.replace(jobs[place], path=tmp_path / f"{place}.png") for place in (1, 2))
    shutil.copy(jobs[5].path, other.path)
    broken.path.write_bytes(b"no picture")
    found = unusable([jobs[0], other, broken, *jobs[3:]])
    assert list(found) == ["p1", "p2"]
    assert found["p1"].startswith(f"{other.path}: is not the picture that the networks were trained on")
    assert "is not an image" in found["p2"]


def test_missing_pictures_are_named(made, model, dataset, tmp_path):
    table = table_of(made)
    table.loc[[2, 5], "path"] = ["pictures/gone.png", "pictures/lost.png"]
    table.to_csv(tmp_path / "features.csv", index=False)
    request = request_for(made, table=tmp_path / "features.csv", pictures=made)
    told = dataset_of(request, model)
    with pytest.raises(ImageError, match=r"2 of 9 pictures are not there: pictures/gone.png, pictures/lost.png"):
        jobs_of(request, model, told, layers_of(request, model, told))


# ---- the questions ---------------------------------------------------------------------------------------------------


def test_the_networks_asked_are_those_that_did_not_see_the_picture(made, model, jobs):
    assert [job.name for job in jobs] == [f"p{number}" for number in range(N_PICTURES)]
    for job in jobs:
        unseeing = model.unseeing(job.pixels_sha256)
        assert [kept.seed for kept in unseeing] == [0, 1]
        assert job.weights == tuple(to_bytes(kept.network) for kept in unseeing)
    of_fold = {job.weights for job in jobs}
    assert len(of_fold) == 2


def test_altered_pictures_are_spread_over_the_groups(made, model, dataset):
    layers = layers_of(request_for(made), model, dataset)

    def altered(n: int) -> list[str]:
        return [job.name for job in jobs_of(request_for(made, altered=n), model, dataset, layers) if job.altered]

    assert altered(0) == []
    assert altered(4) == ["p0", "p3", "p5", "p7"]
    assert altered(6) == ["p0", "p1", "p3", "p4", "p5", "p7"]
    assert len(altered(100)) == N_PICTURES
