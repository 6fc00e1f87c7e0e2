"""The pictures in data/synthetic: what the manifest says of them holds, and they are drawn again as they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from micro_features import synth
from micro_features.synthetic.planted import preset_named, specimen_requests
from micro_features.synthetic.specimens import draw_specimen, specimen_rows

FOLDER = Path(__file__).resolve().parents[2] / "data" / "synthetic"


@pytest.fixture(scope="module")
def manifest():
    return pd.read_csv(FOLDER / "manifest.csv")


@pytest.fixture(scope="module")
def requests():
    asked = json.loads((FOLDER / "provenance.json").read_text())
    preset = preset_named(asked["preset"])
    drawn = specimen_requests(preset, surface=synth.response_surface(), n=asked["specimens"], seed=asked["seed"])
    return {request.sample_id: request for request in drawn}


def _pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture)


def _labels(file, kind):
    return _pixels(FOLDER / "labels" / kind / Path(file).name)


def test_manifest_names_every_picture_once_and_at_least_two_of_each_specimen(manifest):
    pictures = sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / "micrographs").iterdir())
    assert sorted(manifest["file"]) == pictures
    assert len(pictures) == 48
    assert (manifest["sample_id"].value_counts() >= 2).all()
    assert manifest["surface"].value_counts().to_dict() == {"polished": 40, "fracture": 8}


def test_labels_hold_what_the_manifest_says(manifest):
    for row in manifest.itertuples():
        picture, grains, pores = _pixels(FOLDER / row.file), _labels(row.file, "grains"), _labels(row.file, "pores")
        assert picture.dtype == np.uint8
        assert grains.shape == (480, 640) == (row.databar_first_row, picture.shape[1])
        np.testing.assert_array_equal(grains > 0, pores == 0)
        np.testing.assert_array_equal(np.unique(grains[grains > 0]), np.arange(1, grains.max() + 1))
        assert np.mean(pores > 0) == pytest.approx(row.porosity_drawn, abs=1e-6)
        assert row.scale_bar_px * row.pixel_um_true == float(row.scale_bar_text.removesuffix("µm"))


def test_a_specimen_has_one_conductivity_and_one_set_of_causes(manifest):
    of_specimen = ["conductivity_S_per_cm", "porosity_true", *(c for c in manifest if c.startswith("cause_"))]
    assert (manifest.groupby("sample_id")[of_specimen].nunique() == 1).to_numpy().all()  # noqa: PD101
    specimens = manifest.drop_duplicates("sample_id")
    assert specimens["conductivity_S_per_cm"].between(1e-4, 1e-3).all()
    ranks = specimens[[c for c in manifest if c.startswith("cause_")]].rank().corr().to_numpy()
    assert np.abs(ranks - np.eye(3)).max() < 0.35  # drawn independently


def test_crystals_are_as_they_were_asked_to_be(manifest):
    assert np.allclose(manifest["grain_diameter_mean_true_um"], manifest["cause_grain_diameter_um"], rtol=0.02)
    assert np.allclose(manifest["grain_diameter_sigma_true"], 0.35, rtol=0.1)
    assert np.allclose(manifest["porosity_true"], manifest["cause_porosity"], atol=0.001)


def test_conductivity_follows_the_law_within_the_scatter_of_single_structures(manifest):
    specimens = manifest.drop_duplicates("sample_id")
    error = np.log10(specimens["conductivity_S_per_cm"] / specimens["law_S_per_cm"])
    assert error.std() < 2 * synth.response_surface().scatter_log10
    assert abs(error.mean()) < 0.03  # the law's runs have coarser voxels across grains of the same size


def test_attributions_add_up_to_the_law(manifest):
    attributions = pd.read_csv(FOLDER / "attributions.csv").set_index("sample_id")
    law = manifest.drop_duplicates("sample_id").set_index("sample_id")["law_S_per_cm"]
    np.testing.assert_allclose(attributions.sum(axis=1), np.log10(law).loc[attributions.index], atol=1e-6)


def test_set_is_small():
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 15e6


@pytest.mark.parametrize(
    ("sample_id", "solved"),
    [
        ("s10", False),  # few pores and a fracture surface: soon drawn
        *(pytest.param(sample_id, True, marks=pytest.mark.slow) for sample_id in ("s03", "s05", "s08", "s13")),
    ],
)
def test_specimens_are_drawn_again_as_they_are(manifest, requests, sample_id, solved):
    request = requests[sample_id]
    if not solved:
        request = replace(request, solved=False, views=request.views[::2])
    shipped = manifest.set_index("file")
    specimen = draw_specimen(request)
    assert {picture.surface for picture in specimen.pictures} == {"polished", "fracture"}
    for view, picture, row in zip(request.views, specimen.pictures, specimen_rows(specimen), strict=True):
        file = f"micrographs/{view.picture_id}.png"
        for kind in ("grains", "pores"):
            np.testing.assert_array_equal(getattr(picture, kind), _labels(file, kind))
        pixels, _ = synth.picture_with_bar(request.session, view.taken, picture.image, picture.pixel_um)
        difference = np.abs(pixels.astype(int) - _pixels(FOLDER / file).astype(int))
        assert difference.max() <= 1
        of_block = {"conductivity_S_per_cm", "boundary_share"} if not solved else set()
        for name in row.keys() - of_block:
            expected = shipped.loc[file, name]
            if isinstance(expected, str):
                assert str(row[name]) == expected
            else:
                assert float(row[name]) == pytest.approx(float(expected), rel=1e-6, nan_ok=True)
