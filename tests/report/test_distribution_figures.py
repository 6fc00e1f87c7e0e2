import numpy as np
import pytest

from micro_features.report import distribution_figures as drawn
from micro_features.report.axes import figure_of


def test_quantiles_by_hand():
    # Weights 1, 1, 2: their middles lie at 1/8, 3/8 and 6/8 of the whole.
    found = drawn.weighted_quantiles(np.array([30.0, 10.0, 20.0]), np.array([2.0, 1.0, 1.0]), [0.0, 0.25, 0.75, 1.0])
    assert found == pytest.approx([10, 15, 30, 30])


def test_equal_weights_are_plain_quantiles():
    values = np.random.default_rng(0).lognormal(size=200)
    at = [0.1, 0.5, 0.9]
    assert drawn.weighted_quantiles(values, np.ones(200), at) == pytest.approx(np.quantile(values, at, method="hazen"))


def sample(n, seed):
    sizes = np.random.default_rng(seed).lognormal(1, 0.5, n)
    return sizes, np.ones(n), sizes**2


def ranges(names):
    made = [sample(40, seed) for seed in range(len(names))]
    return lambda ax: drawn.size_ranges(
        ax, names, *map(list, zip(*made, strict=True)), quantity="pore diameter", unit="µm"
    )


@pytest.mark.parametrize("n", [1, 3, 24])
def test_ranges_of_few_and_many_specimens_can_be_read(n, legible):
    names = [f"specimen_of_a_rather_long_name_{place}" for place in range(n)]
    legible(figure_of(ranges(names), drawn.rows_size(n)))


def test_by_area_lies_above_by_number():
    ax = figure_of(ranges(["a"]), drawn.rows_size(1)).axes[0]
    by_number, by_area = (line.get_xdata()[0] for line in ax.lines)
    sizes, weights, areas = sample(40, 0)
    assert by_number == pytest.approx(drawn.weighted_quantiles(sizes, weights, [0.5])[0])
    assert by_area == pytest.approx(drawn.weighted_quantiles(sizes, weights * areas, [0.5])[0])
    assert by_area > by_number


@pytest.mark.parametrize("sizes", [sample(300, 1)[0], np.array([2.0, 2.0]), np.array([0.01, 900.0])])
def test_shares_of_a_histogram_add_up(sizes, legible):
    figure = figure_of(
        lambda ax: drawn.size_histogram(
            ax, sizes, np.ones(len(sizes)), sizes**2, title="a", quantity="grain diameter", unit="µm"
        ),
        (3, 2.4),
    )
    legible(figure)
    filled, _ = figure.axes[0].patches
    xy = filled.get_xy()
    heights = xy[1 : 2 * 16 + 1 : 2, 1]
    assert heights.sum() == pytest.approx(100)


def test_porosity_of_specimens_can_be_read(legible):
    figure = figure_of(
        lambda ax: drawn.porosity_rows(
            ax,
            ["a", "b"],
            np.array([0.1, 0.02]),
            np.array([0.2, np.nan]),
            [np.array([0.08, 0.12]), np.array([0.02])],
            np.array([[0.05, 0.2], [np.nan, np.nan]]),
        ),
        drawn.rows_size(2),
    )
    legible(figure)
    ax = figure.axes[0]
    assert ax.get_xlim()[0] == 0
    ends = [segment[:, 0] for collection in ax.collections for segment in collection.get_segments()]
    assert [pytest.approx(each) for each in ([5, 20], [0, 30])] == [list(each) for each in ends]


def test_nothing_known_but_means_is_drawn_all_the_same(legible):
    bare = np.full((1, 2), np.nan)
    legible(
        figure_of(
            lambda ax: drawn.porosity_rows(ax, ["a"], np.array([0.1]), np.array([np.nan]), [np.array([0.1])], bare),
            drawn.rows_size(1),
        )
    )
