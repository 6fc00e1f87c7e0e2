"""Populations against drawn fields of known sizes and against plain statistics."""

import numpy as np
import pytest
from scipy import stats

from micro_features.features.populations import POPULATION_FEATURES, PUBLISHED, describe, population_features
from micro_features.features.regions import region_table

FRAME = (200, 260)
MARGIN = 60


def disc_field(rng):
    """Labels of discs of very mixed sizes that do not overlap, and the radii of those centred in the frame."""
    rows, cols = FRAME
    shape = np.array([rows + 2 * MARGIN, cols + 2 * MARGIN])
    radii = np.sort(np.minimum(rng.lognormal(np.log(9), 0.7, 60), MARGIN - 5))[::-1]
    centres, kept = np.zeros((0, 2)), np.zeros(0)
    for radius in radii:
        centre = rng.random(2) * shape
        if (np.hypot(*(centres - centre).T) > kept + radius + 2).all():
            centres, kept = np.vstack([centres, centre]), np.append(kept, radius)
    centres -= MARGIN
    labels = np.zeros(FRAME, np.int32)
    y, x = np.mgrid[:rows, :cols]
    for label, ((row, col), radius) in enumerate(zip(centres, kept, strict=True), 1):
        labels[(y - row) ** 2 + (x - col) ** 2 <= radius**2] = label
    inside = ((centres >= -0.5) & (centres < np.array(FRAME) - 0.5)).all(axis=1)
    return labels, kept[inside]


def measure(labels, phase="pore", pixel_um=1.0, valid=None):
    valid = np.ones(labels.shape, bool) if valid is None else valid
    table = region_table(labels, np.zeros(labels.shape, np.float32), valid, pixel_um=pixel_um, phase=phase)
    return table, population_features(table, valid, phase=phase, pixel_um=pixel_um)


def test_regions_cut_by_the_edge_bring_no_bias():
    rng = np.random.default_rng(3)
    truth, naive, density, weighted = [], [], [], []
    for _ in range(150):
        labels, radii = disc_field(rng)
        table, features = measure(labels)
        truth.append((len(radii), 2 * radii.sum()))
        whole = table[~table["touches_border"]]
        naive.append((len(whole), whole["equivalent_diameter_um"].sum()))
        density.append(features["pore_number_density_per_um2"])
        weighted.append(features["pore_number_density_per_um2"] * features["pore_diameter_mean_um"])
    true_number, true_sum = np.array(truth).T
    true_mean = true_sum.sum() / true_number.sum()
    true_density = true_number.mean() / np.prod(FRAME)
    found_mean = np.sum(weighted) / np.sum(density)
    naive_number, naive_sum = np.array(naive).sum(axis=0)

    # Fields are independent: the error of the difference, field by field.
    off = np.array(weighted) - found_mean * np.array(density)
    error = np.sqrt(np.sum(off**2)) / np.sum(density)
    assert abs(found_mean - true_mean) < 2.5 * error
    assert error < 0.025 * true_mean
    assert naive_sum / naive_number < true_mean - 5 * error
    assert np.mean(density) == pytest.approx(true_density, rel=0.06)
    assert naive_number / 150 / np.prod(FRAME) < 0.85 * true_density


def test_grains_that_fill_the_plane_do_so_on_average():
    rng = np.random.default_rng(8)
    shape = (150, 200)
    places = np.moveaxis(np.mgrid[: shape[0], : shape[1]], 0, -1)
    filled, neighbours = [], []
    for _ in range(25):
        seeds = rng.random((60, 2)) * (230, 280) - 40  # of Voronoi grains, also outside the frame
        labels = 1 + ((places[:, :, None] - seeds) ** 2).sum(axis=-1).argmin(axis=-1).astype(np.int32)
        _, features = measure(labels, phase="grain")
        filled.append(features["grain_number_density_per_um2"] * features["grain_area_mean_um2"])
        neighbours.append(features["grain_neighbours_mean"])
    assert np.mean(filled) == pytest.approx(1, abs=0.04)
    assert np.mean(neighbours) == pytest.approx(6, abs=0.12)  # Euler: three grains meet at a point


def test_a_region_is_weighted_by_its_places_in_the_frame():
    labels = np.zeros((30, 50), np.int32)
    labels[5:15, 5:25] = 1  # 10 x 20 px: 19 x 29 places
    labels[20:22, 40:43] = 2  # 2 x 3 px: 27 x 46 places
    labels[0:3, 30:35] = 3  # cut
    _, features = measure(labels)
    places = np.array([19 * 29, 27 * 46])
    mean = np.average([200, 6], weights=1 / places)
    assert features["pore_number"] == 3
    assert features["pore_area_mean_um2"] == pytest.approx(mean)
    assert features["pore_number_density_per_um2"] == pytest.approx((1 / places).sum())


def test_the_frame_is_where_there_is_material():
    labels = np.zeros((30, 50), np.int32)
    labels[5:15, 5:25] = 1
    labels[20:22, 40:43] = 2
    framed = np.pad(labels, 8)
    _, bare = measure(labels)
    _, with_bar = measure(framed, valid=np.pad(np.ones(labels.shape, bool), 8))
    assert with_bar == pytest.approx(bare, nan_ok=True)


def test_equal_weights_give_plain_statistics():
    x = np.random.default_rng(0).lognormal(1, 0.5, 501)
    found = describe(x, np.full(501, 2.5), x**2)
    assert found["mean"] == pytest.approx(x.mean())
    assert found["sd"] == pytest.approx(x.std(ddof=1))
    assert found["cv"] == pytest.approx(x.std(ddof=1) / x.mean())
    assert found["skewness"] == pytest.approx(stats.skew(x))
    assert (found["min"], found["max"]) == (x.min(), x.max())
    quantiles = np.quantile(x, [0.1, 0.5, 0.9], method="hazen")
    assert [found["p10"], found["median"], found["p90"]] == pytest.approx(list(quantiles))
    assert found["area_weighted_mean"] == pytest.approx((x**3).sum() / (x**2).sum())


def test_whole_weights_count_as_repetitions():
    rng = np.random.default_rng(1)
    x, times = rng.normal(10, 2, 40), rng.integers(1, 5, 40)
    found, repeated = (
        describe(x, times.astype(float), x),
        describe(x.repeat(times), np.ones(times.sum()), x.repeat(times)),
    )
    for name in ("mean", "min", "max", "skewness", "area_weighted_mean"):
        assert found[name] == pytest.approx(repeated[name])
    assert found["median"] == pytest.approx(repeated["median"], abs=0.3)


def test_equal_values_may_come_in_any_order():
    x, weights = np.array([1.0, 2, 2, 2, 3]), np.array([1.0, 5, 1, 2, 1])
    expected = describe(x, weights, x)
    for order in ([0, 2, 1, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 1, 2]):
        found = describe(x[order], weights[order], x[order])
        assert found == pytest.approx(expected)


def test_a_lognormal_population_is_recognised():
    rng = np.random.default_rng(2)
    labels = np.zeros((900, 900), np.int32)
    radii = np.clip(rng.lognormal(np.log(8), 0.35, 400), 2, 21)
    y, x = np.mgrid[-22:23, -22:23]
    for label, radius in enumerate(radii, 1):
        row, col = np.divmod(label - 1, 20)
        tile = labels[row * 45 : row * 45 + 45, col * 45 : col * 45 + 45]
        tile[x**2 + y**2 <= radius**2] = label
    _, features = measure(labels, pixel_um=0.5)
    assert features["pore_diameter_geometric_mean_um"] == pytest.approx(8, rel=0.04)
    assert np.log(features["pore_diameter_geometric_sd"]) == pytest.approx(0.35, rel=0.08)
    assert features["pore_diameter_lognormal_ks"] < 0.06

    two_sizes = np.zeros_like(labels)
    for label in range(400):
        row, col = np.divmod(label, 20)
        half = 2 if label % 2 else 18
        two_sizes[row * 45 + 22 - half : row * 45 + 22 + half, col * 45 + 22 - half : col * 45 + 22 + half] = label + 1
    assert measure(two_sizes)[1]["pore_diameter_lognormal_ks"] > 0.3


def test_one_few_and_equal_regions():
    labels = np.zeros((40, 60), np.int32)
    labels[5:10, 5:10] = 1
    _, one = measure(labels)
    assert one["pore_area_mean_um2"] == pytest.approx(25)
    assert one["pore_area_min_um2"] == one["pore_area_median_um2"] == one["pore_area_max_um2"] == 25
    for name in ("area_sd_um2", "area_cv", "area_skewness", "diameter_geometric_sd", "diameter_lognormal_ks"):
        assert np.isnan(one[f"pore_{name}"])
    for label in (2, 3, 4):
        labels[5:10, 12 * label : 12 * label + 5] = label
    _, equal = measure(labels)
    assert equal["pore_area_sd_um2"] == equal["pore_area_cv"] == 0
    assert equal["pore_diameter_geometric_sd"] == 1
    assert np.isnan(equal["pore_area_skewness"])
    assert np.isnan(equal["pore_diameter_lognormal_ks"])


def test_no_regions_and_none_whole():
    _, none = measure(np.zeros((40, 60), np.int32))
    assert none.pop("pore_number") == none.pop("pore_number_density_per_um2") == 0
    assert np.isnan(list(none.values())).all()
    _, full = measure(np.ones((40, 60), np.int32))
    assert full.pop("pore_number") == 1
    assert np.isnan(list(full.values())).all()
    _, blank = measure(np.zeros((40, 60), np.int32), valid=np.zeros((40, 60), bool))
    assert blank["pore_number"] == 0
    assert np.isnan(blank["pore_number_density_per_um2"])


def test_published_subset_is_the_studys():
    assert len(set(PUBLISHED)) == 22
    assert set(PUBLISHED) <= {feature.name for feature in POPULATION_FEATURES}
    assert {name.split("_")[0] for name in PUBLISHED} == {"grain", "pore"}
    assert {"grain_number", "pore_number", "grain_area_sd_um2", "pore_perimeter_median_um"} <= set(PUBLISHED)
