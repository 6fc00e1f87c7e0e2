"""The published LLZTO and LLTO pictures, and annotated truth, where they stand beside the checkout."""

import shutil

import numpy as np
import pandas as pd
import pytest

from micro_features.cli import main
from micro_features.features.catalogue import FEATURES

PIXEL_UM = 100 / 267  # the scale bar of every picture measures 267 px for 100 um


def extracted(paths, out):
    assert main(["extract", *map(str, paths), "-o", str(out), "--no-overlays"]) == 0
    return pd.read_csv(out / "features.csv", dtype={"micrograph_id": str})


def check(rows):
    assert rows["pixel_um"].to_numpy() == pytest.approx(PIXEL_UM, rel=0.005)
    assert (rows["databar_side"] == "bottom").all()
    assert (rows["databar_first_row"] == 960).all()
    assert (rows["databar_last_row"] == 1023).all()
    assert (rows["acquisition_magnification"] == 250).all()
    assert rows["acquisition_kV"].isin([1.0, 5.0]).all()
    assert rows["acquisition_WD_mm"].between(5, 12).all()
    assert (rows["acquisition_detector"] == "LED").all()
    assert rows["acquisition_date"].str.fullmatch(r"202[12]-\d\d-\d\d").all()
    assert rows["acquisition_time"].str.fullmatch(r"\d\d:\d\d:\d\d").all()
    assert rows["quality_measured_share"].to_numpy() == pytest.approx(960 / 1024)
    assert rows["porosity"].between(0, 0.2).all()


def test_a_few_published_pictures(shared_data, tmp_path):
    names = ["llzto/High/4.06e-4.tif", "llzto/Low/6.33e-7.tif", "llto/High/4.16e-5.tif"]
    rows = extracted([shared_data / name for name in names], tmp_path)
    check(rows)
    fine = rows.loc[rows["path"].str.endswith("6.33e-7.tif")].iloc[0]
    # At x250 a grain of 0.8 um is 2 px wide: nothing may be said of it.
    assert not fine["quality_grains_resolved"]
    assert fine[[name for name, feature in FEATURES.items() if feature.needs_grains]].isna().all()


@pytest.mark.slow
def test_all_published_pictures_in_one_run(shared_data, tmp_path):
    rows = extracted([shared_data / "llzto", shared_data / "llto"], tmp_path)
    assert len(rows) == 67
    check(rows)
    conductivity = rows["path"].str.extract(r"([\d.]+e-\d)")[0].astype(float)
    assert conductivity.between(1e-8, 1e-3).all()


def test_annotated_grains_are_resolved_and_their_intercept_is_found(shared_data, tmp_path):
    folder = shared_data / "ground_truth"
    for name in ("perovskite_film_sem", "steel_nist_optical"):
        shutil.copytree(folder / name / "images", tmp_path / name)
    assert main(["extract", str(tmp_path), "-o", str(tmp_path / "out"), "--uncalibrated"]) == 0
    rows = pd.read_csv(tmp_path / "out" / "features.csv").set_index("micrograph_id")
    assert rows["quality_grains_resolved"].all()
    # NIST's own chords, drawn by the E112 pattern, have a mean of 39.5 px.
    nist = rows.loc["steel_nist_optical/nist_steel_001"]
    assert nist["grain_intercept_mean_px"] == pytest.approx(39.5, rel=0.12)
    assert np.isnan(nist["grain_size_G_intercept"])  # without a scale there is no G
