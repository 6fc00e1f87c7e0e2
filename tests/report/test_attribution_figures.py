import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection

from micro_features.report import attribution_figures as figures
from micro_features.report.axes import figure_of

UNIT = "decades of conductivity"


def texts(ax):
    return [text.get_text() for text in ax.texts]


def drawn_points(ax):
    return np.vstack([each.get_offsets() for each in ax.collections if isinstance(each, PathCollection)])


def long_names(k):
    return [f"texture_local_contrast_p25_over_the_median_of_{number}_pixels_and_much_more" for number in range(k)]


@pytest.mark.parametrize("n", [1, 67, 10_000])
@pytest.mark.parametrize("missing", [0.0, 0.3, 1.0])
def test_dependence_at_any_size(n, missing, rendered):
    rng = np.random.default_rng(0)
    feature, partner, values = rng.normal(size=(3, n))
    feature[rng.random(n) < missing] = np.nan
    partner[rng.random(n) < missing] = np.nan
    ax = rendered(
        lambda ax: figures.dependence(
            ax,
            feature,
            values,
            name=long_names(1)[0],
            unit="um",
            target_unit=UNIT,
            low=values - 1,
            high=values + 1,
            partner=partner,
            partner_name=long_names(1)[0],
        ),
        figures.DEPENDENCE_SIZE,
    )
    points = drawn_points(ax)
    assert len(points) == n
    np.testing.assert_allclose(np.sort(points[:, 1]), np.sort(values))
    assert texts(ax) == ([f"missing ({np.isnan(feature).sum()})"] if np.isnan(feature).any() else [])


def dependence(rendered, feature, values, **choices):
    return rendered(
        lambda ax: figures.dependence(
            ax, feature, values, **({"name": "size", "unit": "um", "target_unit": UNIT} | choices)
        ),
        figures.DEPENDENCE_SIZE,
    )


def test_rows_without_the_feature_stand_right_of_all_others(rendered):
    ax = dependence(rendered, np.array([1.0, np.nan, 3.0]), np.array([0.1, 0.2, 0.3]))
    place = {round(y, 6): x for x, y in drawn_points(ax)}
    assert place[0.1] == 1
    assert place[0.3] == 3
    assert place[0.2] > 3
    rug = ax.lines[-1].get_xdata()
    assert rug.tolist() == [1, 3]


def test_axes_say_what_is_drawn_and_what_was_assumed(rendered):
    feature, values = np.arange(5.0), np.zeros(5)
    ax = dependence(rendered, feature, values)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("size / µm", f"SHAP value / {UNIT}")
    assert dependence(rendered, feature, values, assumed_sign=1).get_xlabel().endswith("(assumed rising)")
    assert dependence(rendered, feature, values, assumed_sign=-1).get_xlabel().endswith("(assumed falling)")


def test_features_that_span_decades_get_a_logarithmic_axis(rendered):
    values = np.zeros(30)
    assert dependence(rendered, np.geomspace(1, 1000, 30), values).get_xscale() == "log"
    assert dependence(rendered, np.linspace(1, 10, 30), values).get_xscale() == "linear"
    assert dependence(rendered, np.geomspace(1, 1000, 30) - 1, values).get_xscale() == "linear"
    with_gap = np.geomspace(1, 1000, 30)
    with_gap[3] = np.nan
    assert drawn_points(dependence(rendered, with_gap, values))[:, 0].max() > 1000


def test_the_band_follows_the_rows(rendered):
    feature = np.arange(40.0)
    rising = np.where(feature < 20, -1.0, 1.0)
    ax = dependence(rendered, feature, rising, low=rising - 0.25, high=rising + 0.5)
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 0].min(), band[:, 0].max()) == (0, 39)
    assert sorted(set(band[band[:, 0] == 0, 1])) == [-1.25, -0.5]
    assert sorted(set(band[band[:, 0] < 15, 1])) == [-1.25, -0.5]
    assert sorted(set(band[band[:, 0] > 25, 1])) == [0.75, 1.5]


def test_the_band_of_missing_rows_is_their_own(rendered):
    feature, values = np.r_[np.arange(8.0), np.nan, np.nan], np.r_[np.zeros(8), 2.0, 4.0]
    ax = dependence(rendered, feature, values, low=values - 1, high=values + 1)
    bar = next(each for each in ax.collections if isinstance(each, LineCollection)).get_segments()[0]
    assert bar[0, 0] > 7
    assert bar[:, 1].tolist() == [2, 4]


@pytest.mark.parametrize("n", [1, 67, 2000])
def test_beeswarm_at_any_size(n, rendered):
    rng = np.random.default_rng(0)
    values, features = rng.normal(size=(2, n, 20))
    features[rng.random(features.shape) < 0.2] = np.nan
    features[:, 3] = np.nan
    ax = rendered(
        lambda ax: figures.beeswarm(ax, values, features, long_names(20), target_unit=UNIT), figures.BEESWARM_SIZE
    )
    assert len(drawn_points(ax)) == 12 * n
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[0] == "Sum of 9 other features"
    assert max(len(line) for label in labels for line in label.split("\n")) <= 34
    assert ax.get_xlabel() == f"SHAP value / {UNIT}"


def test_beeswarm_is_the_same_each_time_and_leaves_no_trace():
    rng = np.random.default_rng(0)
    values, features = rng.normal(size=(2, 50, 3))

    def points():
        figure = figure_of(lambda ax: figures.beeswarm(ax, values, features, list("abc"), target_unit=UNIT), (6, 4))
        return drawn_points(figure.axes[0])

    np.random.seed(12345)  # noqa: NPY002
    first = points()
    np.testing.assert_array_equal(points(), first)
    assert np.random.random() == np.random.RandomState(12345).random()  # noqa: NPY002
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize("k", [1, 9, 10, 40])
def test_waterfall_climbs_from_the_mean_to_the_prediction(k, rendered):
    values = np.random.default_rng(0).normal(size=k)
    features = np.full(k, 1234.5678)
    features[0] = np.nan
    ax = rendered(
        lambda ax: figures.waterfall(
            ax,
            values,
            -4.0,
            features,
            names=long_names(k),
            units=["um"] * k,
            target="log10(conductivity / (S/cm))",
            title="a_very_long_folder/and_a_very_long_name_of_a_picture (2).tif: predicted 1.23e-5 S/cm",
        ),
        figures.WATERFALL_SIZE,
    )
    bars = ax.patches
    assert len(bars) == min(k, 10)
    assert sum(bar.get_width() for bar in bars) == pytest.approx(values.sum())
    assert bars[0].get_x() == pytest.approx(-4)
    assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(-4 + values.sum())
    assert [abs(bar.get_width()) for bar in bars][-9:] == pytest.approx(np.sort(np.abs(values))[-9:])
    assert f"prediction {-4 + values.sum():.2f}".replace("-", "−") in texts(ax)
    if k == 1:
        assert "missing" in ax.get_yticklabels()[0].get_text()
    if k > 9:
        assert ax.get_yticklabels()[0].get_text() == f"{k - 9} other features"


def test_waterfall_prints_values_with_units():
    figure = figure_of(
        lambda ax: figures.waterfall(
            ax,
            np.array([0.2, -0.5]),
            0.0,
            np.array([0.25, 3.0]),
            names=["porosity", "size"],
            units=["1", "um"],
            target="t",
            title="",
        ),
        (6, 4),
    )
    labels = [label.get_text().replace("\N{NO-BREAK SPACE}", " ") for label in figure.axes[0].get_yticklabels()]
    assert labels == ["porosity = 0.25", "size = 3 µm"]


def test_heat_shows_pairs_once_and_whole(rendered):
    cells = np.diag([3.0, 1.0, 2.0])
    cells[0, 1] = cells[1, 0] = 0.5
    ax = rendered(lambda ax: figures.interaction_heat(ax, cells, long_names(3), target_unit=UNIT), figures.HEAT_SIZE)
    assert texts(ax) == ["3.0", "1.0", "1.0", "0.0", "0.0", "2.0"]


def test_heat_keeps_the_strongest_and_survives_nothing(rendered):
    strength = np.arange(20.0)
    ax = rendered(
        lambda ax: figures.interaction_heat(ax, np.diag(strength), [f"f{n}" for n in range(20)], target_unit=UNIT),
        figures.HEAT_SIZE,
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"f{n}" for n in range(8, 20)]
    rendered(lambda ax: figures.interaction_heat(ax, np.zeros((1, 1)), ["a"], target_unit=UNIT), figures.HEAT_SIZE)


def table(k):
    share = np.linspace(1, 0, k)
    return pd.DataFrame(
        {
            "group": long_names(k),
            "mean_abs": share,
            "share": share,
            # A percentile interval need not hold the value.
            "share_low": share * 1.1,
            "share_high": share * 1.2,
            "null_p95": 0.5,
            "clears_null": share * 1.1 > 0.5,
        }
    )


@pytest.mark.parametrize("k", [1, 4, 30])
def test_importance_at_any_size(k, rendered):
    ax = rendered(lambda ax: figures.importance_bars(ax, table(k), target_unit="decades"), figures.BARS_SIZE)
    assert len(ax.patches) == min(k, 12)
    assert "(1 decades)" in ax.get_yticklabels()[0].get_text()
    colours = {bar.get_facecolor() for bar in ax.patches}
    assert len(colours) == len(set(table(k)["clears_null"].head(12)))


def test_importance_without_refits(rendered):
    unknown = table(3).assign(share_low=np.nan, share_high=np.nan, null_p95=np.nan, clears_null=False)
    rendered(lambda ax: figures.importance_bars(ax, unknown, target_unit="decades"), figures.BARS_SIZE)
