"""Recovery of drawn truth: the arithmetic of bias and scatter, and the way of one picture."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from micro_features.benchmark import synthetic as benchmark
from micro_features.errors import FeatureTableError
from micro_features.settings import Settings
from micro_features.synthetic import quick_micrograph, with_databar


def table_of(found, labels, specimen, quantity="grain_intercept_mean_um", samples=None):
    n = len(found)
    return pd.DataFrame(
        {
            "file": [f"{i}.png" for i in range(n)],
            "sample_id": samples or [f"s{i}" for i in range(n)],
            "surface": "polished",
            "grains_resolved": True,
            "quantity": quantity,
            "found": found,
            "labels": labels,
            "specimen": specimen,
        }
    )


def row_of(found, comparison):
    return found[found["comparison"].str.startswith(comparison)].iloc[0]


def test_bias_is_the_mean_relative_error_and_scatter_its_standard_deviation():
    found = benchmark.summary(table_of([1.1, 2.0, 3.3], [1.0, 2.0, 3.0], [1.0, 2.5, 3.0]))
    segmentation, both = row_of(found, "segmentation"), row_of(found, "both")
    assert segmentation["bias"] == pytest.approx((10 + 0 + 10) / 3)
    assert segmentation["scatter"] == pytest.approx(np.std([10, 0, 10], ddof=1))
    assert both["bias"] == pytest.approx((10 - 20 + 10) / 3)
    assert (segmentation["unit"], segmentation["n_pictures"], segmentation["n_specimens"]) == ("%", 3, 3)


def test_porosity_errs_in_percentage_points():
    found = benchmark.summary(table_of([0.06, 0.02], [0.05, 0.02], [0.04, 0.02], quantity="porosity"))
    assert row_of(found, "segmentation")["bias"] == pytest.approx(0.5)
    assert row_of(found, "both")["bias"] == pytest.approx(1.0)
    assert row_of(found, "both")["unit"] == "percentage points"


def test_what_was_not_measured_does_not_count():
    found = benchmark.summary(table_of([1.1, np.nan, 3.3, 2.2], [1.0, 2.0, 3.0, 2.0], [np.nan] * 4))
    assert set(found["comparison"]) == {benchmark.COMPARISONS[0][0]}
    assert found.iloc[0]["n_pictures"] == 3


def test_interval_takes_the_pictures_of_a_specimen_together():
    """Sixteen pictures of four specimens say no more than four pictures do, if those of a specimen err alike."""
    errors = np.array([0.9, 1.0, 1.05, 1.1])
    one = benchmark.summary(table_of(errors, np.ones(4), np.ones(4)))
    four = benchmark.summary(
        table_of(np.repeat(errors, 4), np.ones(16), np.ones(16), samples=list(np.repeat(list("abcd"), 4)))
    )
    width = [row["bias_ci95_high"] - row["bias_ci95_low"] for row in (one.iloc[0], four.iloc[0])]
    assert width[1] == pytest.approx(width[0], rel=0.05)
    assert width[0] > 5


def test_two_specimens_give_no_interval():
    assert np.isnan(benchmark.summary(table_of([1.0, 2.0], [1.0, 2.0], [1.0, 2.0])).iloc[0]["bias_ci95_low"])


def test_a_folder_that_is_no_drawn_set_is_refused(tmp_path):
    (tmp_path / "manifest.csv").write_text("file,sample_id\na.png,a\n")
    with pytest.raises(FeatureTableError, match=r"manifest\.csv: no column .* `micro-features synth`"):
        benchmark.cases(tmp_path, Settings())
    with pytest.raises(FeatureTableError, match="no such file"):
        benchmark.cases(tmp_path / "nowhere", Settings())


@pytest.mark.parametrize(
    ("values", "complaint"), [([], "names no picture"), (["much"], "'porosity_true' holds what is no number")]
)
def test_a_manifest_without_pictures_or_numbers_is_refused(tmp_path, values, complaint):
    columns = {q.in_space: [0.1] * len(values) for q in benchmark.QUANTITIES if q.in_space}
    names = {name: ["a.png"] * len(values) for name in ("file", "sample_id", "surface")}
    pd.DataFrame({**names, **columns, "porosity_true": values}).to_csv(tmp_path / "manifest.csv", index=False)
    with pytest.raises(FeatureTableError, match=complaint):
        benchmark.cases(tmp_path, Settings())


@pytest.fixture(scope="module")
def drawn():
    return quick_micrograph(
        shape=(240, 576), pixel_um=0.25, grain_diameter_mean_um=9.0, porosity=0.05, pore_diameter_mean_um=4.0, seed=2
    )


@pytest.fixture
def case(tmp_path, drawn):
    bar = {"layout": "jeol", "magnification": 1500, "kV": 5.0, "WD_mm": 10.0, "taken": datetime(2024, 5, 2, 10, 12, 5)}
    picture, _ = with_databar(np.rint(drawn.image * 255).astype(np.uint8), pixel_um=0.25, **bar)
    case = benchmark.Case(
        tmp_path / "a.png", tmp_path / "g.png", tmp_path / "p.png", "a", "polished", {"porosity": 0.05}, Settings()
    )
    for path, pixels in ((case.path, picture), (case.grains, drawn.grains), (case.pores, drawn.pores)):
        Image.fromarray(pixels.astype(np.uint8 if path is case.path else np.uint16)).save(path)
    return case


def test_a_picture_is_measured_beside_its_drawn_labels(case, drawn):
    table, failures = benchmark.recover_all([case], n_workers=1)
    assert not failures
    rows = table.set_index("quantity")
    assert list(rows.index) == [quantity.feature for quantity in benchmark.QUANTITIES]
    assert rows.loc["porosity", "labels"] == pytest.approx(drawn.porosity, rel=1e-6)
    assert rows.loc["porosity", "specimen"] == 0.05
    assert rows.loc["grain_intercept_mean_um", "labels"] == pytest.approx(drawn.grain_intercept_mean_um, rel=0.05)
    assert rows.loc["porosity", "found"] == pytest.approx(drawn.porosity, rel=0.5)
    assert 0.5 < rows["grains_f1"].iloc[0] < 1
    text = "\n".join(benchmark.lines(table, benchmark.summary(table)))
    assert "polished: 1 pictures of 1 specimens" in text
    assert text.count("porosity") == 3
    assert f"{rows['grains_f1'].iloc[0]:.2f}  95 %: too few specimens" in text


def test_a_label_image_of_another_size_fails_alone(case):
    Image.fromarray(np.zeros((240, 500), np.uint16)).save(case.grains)
    other = benchmark.Case(**{**vars(case), "path": case.path.with_name("gone.png")})
    table, failures = benchmark.recover_all([case, other], n_workers=1)
    assert table.empty
    assert "does not fit a.png" in failures[0].reason
    assert "gone.png" in failures[1].path
