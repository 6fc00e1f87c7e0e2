"""Intercepts and boundaries against lattices worked out on paper and NIST's own measurement."""

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from micro_features.features.intercepts import INTERCEPT_FEATURES, close_gaps, intercept_features
from micro_features.features.regions import region_table

DIRECTIONAL = [f"grain_intercept_{angle}deg_um" for angle in (0, 45, 90, 135)]


def measure(labels, valid=None, pixel_um=1.0):
    labels = np.asarray(labels, np.int32)
    return intercept_features(labels, np.ones(labels.shape, bool) if valid is None else valid, pixel_um=pixel_um)


def hexagons(side, shape=(600, 800), turn_deg=11.0):
    """Regular hexagons: every pixel belongs to the nearest point of a turned triangular lattice."""
    pitch = side * np.sqrt(3)
    turn = np.radians(turn_deg)
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    u, v = cols * np.cos(turn) + rows * np.sin(turn), rows * np.cos(turn) - cols * np.sin(turn)
    nearest, labels = np.full(shape, np.inf), np.zeros(shape, np.int64)
    for half in (0.0, 0.5):  # the lattice is two rectangular ones
        i, j = np.round(u / pitch - half), np.round(v / (pitch * np.sqrt(3)) - half)
        distance = (u - (i + half) * pitch) ** 2 + (v - (j + half) * pitch * np.sqrt(3)) ** 2
        closer = distance < nearest
        nearest[closer] = distance[closer]
        labels[closer] = ((i + 500) * 4000 + (j + 500) * 2 + 2 * half)[closer]
    return (np.unique(labels, return_inverse=True)[1].reshape(shape) + 1).astype(np.int32)


def voronoi(number, shape, rng):
    seeds = np.full(shape, 1, np.uint8)
    seeds[rng.integers(0, shape[0], number), rng.integers(0, shape[1], number)] = 0
    labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)[1]
    return labels.astype(np.int32)


def test_hexagon_lattice():
    side, pixel_um = 20, 0.5
    features = measure(hexagons(side), pixel_um=pixel_um)
    side_um = side * pixel_um
    length_per_area = 2 / (np.sqrt(3) * side_um)
    intercept = np.pi / 2 / length_per_area
    per_mm2 = 1e6 / (1.5 * np.sqrt(3) * side_um**2)
    assert features["boundary_length_per_area_per_um"] == pytest.approx(length_per_area, rel=0.015)
    assert features["surface_per_volume_per_um"] == pytest.approx(2 / intercept, rel=0.015)
    assert features["grain_intercept_mean_um"] == pytest.approx(intercept, rel=0.015)
    assert features["grain_size_G_intercept"] == pytest.approx(-6.643856 * np.log10(intercept / 1000) - 3.288, abs=0.05)
    assert features["grain_size_G_planimetric"] == pytest.approx(3.321928 * np.log10(per_mm2) - 2.954, abs=0.05)
    for angle in (0, 45, 90, 135):
        # Each of the three edge directions has a third of the length; rows point down.
        normals = np.radians(11 + np.array([0, 60, 120]))
        crossed = np.abs(np.cos(np.radians(angle)) * np.cos(normals) - np.sin(np.radians(angle)) * np.sin(normals))
        expected = 3 / (length_per_area * crossed.sum())
        assert features[f"grain_intercept_{angle}deg_um"] == pytest.approx(expected, rel=0.03)
    assert features["grain_intercept_relative_accuracy_percent"] < 2


def test_hexagons_as_regions():
    labels = hexagons(20)
    every = np.ones(labels.shape, bool)
    table = region_table(labels, every.astype(np.float32), every, pixel_um=0.5, phase="grain")
    whole = table[~table["touches_border"]].mean(numeric_only=True)
    assert whole["area_um2"] == pytest.approx(1.5 * np.sqrt(3) * 100, rel=0.005)
    assert whole["perimeter_um"] == pytest.approx(60, rel=0.015)
    assert whole["neighbours"] == pytest.approx(6, abs=0.01)
    assert whole["feret_max_um"] == pytest.approx(20, abs=0.5)
    assert whole["feret_min_um"] == pytest.approx(10 * np.sqrt(3), abs=0.5)


@pytest.mark.parametrize("turn", [4, 11, 27, 45])
def test_square_lattice(turn):
    side = 48
    rows, cols = np.mgrid[:800, :800]
    a = np.radians(turn)
    i = np.floor((cols * np.cos(a) + rows * np.sin(a)) / side)
    j = np.floor((rows * np.cos(a) - cols * np.sin(a)) / side)
    features = measure((i + 100) * 1000 + j + 101)
    # Four directions see squares of one orientation up to 5 % short; see the mean over orientations below.
    assert features["boundary_length_per_area_per_um"] == pytest.approx(2 / side, rel=0.065)
    along = (np.abs(np.cos(a)) + np.abs(np.sin(a))) / side
    slanted = (np.abs(np.cos(a + np.pi / 4)) + np.abs(np.sin(a + np.pi / 4))) / side
    for angle, crossings in ((0, along), (45, slanted), (90, along), (135, slanted)):
        assert features[f"grain_intercept_{angle}deg_um"] == pytest.approx(1 / crossings, rel=0.045)


def test_square_lattice_on_average_over_orientations():
    rows, cols = np.mgrid[:300, :300]
    found = []
    for turn in np.arange(0, 90, 5) + 1.0:
        a = np.radians(turn)
        i = np.floor((cols * np.cos(a) + rows * np.sin(a)) / 24)
        j = np.floor((rows * np.cos(a) - cols * np.sin(a)) / 24)
        found.append(measure((i + 100) * 1000 + j + 101)["boundary_length_per_area_per_um"])
    assert np.mean(found) == pytest.approx(2 / 24, rel=0.02)


def test_two_grains_by_hand():
    labels = np.ones((30, 60), np.int32)
    labels[:, 30:] = 2
    features = measure(labels)
    # One crossing in each line but those along the boundary; diagonals are sqrt(2) closer and longer.
    crossings = 30 + 2 * 29 / np.sqrt(2)
    length = 30 * 59 + 29 * 60 + 2 * 29 * 59
    assert features["grain_intercept_mean_um"] == pytest.approx(length / crossings)
    assert features["surface_per_volume_per_um"] == pytest.approx(2 * crossings / length)
    assert features["boundary_length_per_area_per_um"] == pytest.approx(np.pi / 2 * crossings / length)
    assert np.isnan(features["grain_intercept_90deg_um"])  # no line along the boundary ever crosses it
    assert np.isnan(features["grain_intercept_anisotropy"])
    # Both are cut, each lies in two corners.
    per_mm2 = (4 / 4) / (1800e-6)
    assert features["grain_size_G_planimetric"] == pytest.approx(3.321928 * np.log10(per_mm2) - 2.954)


def test_planimetric_count_by_hand():
    rows, cols = np.mgrid[:90, :90]
    features = measure(1 + rows // 30 * 3 + cols // 30)
    grains = 1 + 4 / 2 + 4 / 4  # inside, cut at sides, corners
    assert features["grain_size_G_planimetric"] == pytest.approx(3.321928 * np.log10(grains / 8100e-6) - 2.954)


def test_pores_take_no_length_and_count_as_one_boundary():
    grains = hexagons(12)
    whole = measure(grains)
    rng = np.random.default_rng(0)
    pulled_out = rng.random(grains.max() + 1) < 0.15
    holed = measure(np.where(pulled_out[grains], 0, grains))
    assert holed["grain_intercept_mean_um"] == pytest.approx(whole["grain_intercept_mean_um"], rel=0.02)
    # A boundary next to a pulled-out grain is no longer one of two grains.
    kept = holed["boundary_length_per_area_per_um"] / whole["boundary_length_per_area_per_um"]
    assert kept == pytest.approx(0.85, abs=0.03)


def test_pore_between_two_grains_by_hand():
    labels = np.ones((1, 60), np.int32)
    labels[:, 25:30] = 0
    labels[:, 30:] = 2
    features = measure(labels)
    assert features["boundary_length_per_area_per_um"] == 0
    # 24 + 29 steps in grains and two that are half in the pore; two half crossings.
    assert features["grain_intercept_mean_um"] == 24 + 29 + 1


@pytest.mark.parametrize("line_px", [1, 2, 3])
def test_closed_gaps_restore_the_lattice(line_px):
    grains = hexagons(20)
    line = np.zeros(grains.shape, np.uint8)
    line[:, 1:] |= grains[:, 1:] != grains[:, :-1]
    line[1:] |= grains[1:] != grains[:-1]
    line = cv2.dilate(line, np.ones((line_px, line_px), np.uint8)) > 0
    drawn = np.where(line, 0, grains).astype(np.int32)
    every, no_pores = np.ones(grains.shape, bool), np.zeros(grains.shape, bool)
    assert measure(drawn)["boundary_length_per_area_per_um"] < 0.1 * measure(grains)["boundary_length_per_area_per_um"]
    closed = measure(close_gaps(drawn, every, max_gap_px=line_px + 3, pores=no_pores))
    for name in ("boundary_length_per_area_per_um", "grain_intercept_mean_um"):
        assert closed[name] == pytest.approx(measure(grains)[name], rel=0.015)


def test_gaps_that_stay_open():
    labels = np.zeros((60, 90), np.int32)
    labels[:, :30], labels[:, 32:60], labels[:, 72:] = 1, 2, 3
    pores, valid = np.zeros(labels.shape, bool), np.ones(labels.shape, bool)
    pores[20:40, 30:32] = True
    valid[50:, :] = False
    closed = close_gaps(labels, valid, max_gap_px=3, pores=pores)
    assert (closed[:20, 30:32] > 0).all()
    assert (closed[20:40, 30:32] == 0).all()  # pore
    assert (closed[50:, 30:32] == 0).all()  # not valid
    assert (closed[:, 60:72] == 0).all()  # wide
    assert set(np.unique(closed)) == {0, 1, 2, 3}
    np.testing.assert_array_equal(closed[labels > 0], labels[labels > 0])
    assert (close_gaps(labels * 0, valid, max_gap_px=3, pores=pores) == 0).all()


def test_elongated_grains_are_anisotropic():
    rows, cols = np.mgrid[:600, :600]
    features = measure(1 + rows // 10 * 100 + (cols + rows // 10 * 7) // 30)
    assert features["grain_intercept_0deg_um"] == pytest.approx(30, rel=0.02)
    assert features["grain_intercept_90deg_um"] < 11
    assert features["grain_intercept_anisotropy"] > 2.7


def test_confidence_interval_holds_the_truth():
    rng = np.random.default_rng(5)
    whole = voronoi(7500, (1500, 1500), rng)
    truth = measure(whole)["grain_intercept_mean_um"]
    hits = []
    for _ in range(120):
        row, col = rng.integers(0, 1300, 2)
        part = measure(whole[row : row + 200, col : col + 200])
        hits.append(abs(part["grain_intercept_mean_um"] - truth) < part["grain_intercept_ci95_halfwidth_um"])
    assert 0.88 < np.mean(hits) <= 1


def test_interval_is_that_of_nine_fields():
    labels = voronoi(200, (300, 300), np.random.default_rng(0))
    features = measure(labels)
    fields = [labels[row : row + 100, col : col + 100] for row in (0, 100, 200) for col in (0, 100, 200)]
    crossings = [1 / measure(field)["grain_intercept_mean_um"] for field in fields]
    relative = stats.t.ppf(0.975, 8) * np.std(crossings, ddof=1) / 3 / np.mean(crossings)
    assert features["grain_intercept_ci95_halfwidth_um"] / features["grain_intercept_mean_um"] == pytest.approx(
        relative, rel=0.02
    )
    assert features["grain_intercept_relative_accuracy_percent"] == pytest.approx(100 * relative, rel=0.02)


@pytest.mark.parametrize(
    ("turn", "swap"),
    [(np.fliplr, (0, 3, 2, 1)), (np.flipud, (0, 3, 2, 1)), (np.rot90, (2, 3, 0, 1)), (np.transpose, (2, 1, 0, 3))],
)
def test_flips_and_turns_permute_directions_only(turn, swap):
    labels = voronoi(90, (121, 160), np.random.default_rng(1))
    labels[labels % 7 == 0] = 0
    valid = np.ones(labels.shape, bool)
    valid[:9], valid[60:70, 60:80] = False, False
    before, after = measure(labels, valid), measure(turn(labels), turn(valid))
    expected = before | {name: before[DIRECTIONAL[k]] for name, k in zip(DIRECTIONAL, swap, strict=True)}
    assert after == pytest.approx(expected)


def test_new_names_for_grains_change_nothing():
    labels = voronoi(90, (120, 160), np.random.default_rng(1))
    names = np.random.default_rng(2).permutation(labels.max() + 1) + 1
    assert measure(names[labels] * 1000) == pytest.approx(measure(labels))


def test_the_data_bar_is_not_seen():
    labels = voronoi(90, (120, 160), np.random.default_rng(1))
    with_bar = np.pad(labels, ((0, 30), (0, 0)), constant_values=9)
    assert measure(with_bar, np.pad(np.ones(labels.shape, bool), ((0, 30), (0, 0)))) == measure(labels)


def test_nothing_to_cross():
    for labels in (np.zeros((50, 50)), np.zeros((0, 0))):
        assert np.isnan(list(measure(labels).values())).all()
    assert np.isnan(list(measure(np.ones((50, 50)), np.zeros((50, 50), bool)).values())).all()
    masked = np.ones((50, 50), bool)
    masked[20:30, 20:30] = False  # the edge of a mask is no boundary
    assert measure(np.ones((50, 50)), masked) == pytest.approx(measure(np.ones((50, 50))), nan_ok=True)
    one = measure(np.ones((50, 50)))
    assert one.pop("boundary_length_per_area_per_um") == one.pop("surface_per_volume_per_um") == 0
    assert np.isnan(list(one.values())).all()


@settings(max_examples=60, deadline=None)
@given(arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 4)))
def test_any_label_image_is_answered(labels):
    features = measure(labels)
    assert set(features) == {feature.name for feature in INTERCEPT_FEATURES}
    assert not np.isinf(list(features.values())).any()


def test_intercepts_of_nist_are_reproduced(shared_data):
    folder = shared_data / "ground_truth" / "steel_nist_optical"
    labels = cv2.imread(str(folder / "labels" / "nist_steel_001.png"), cv2.IMREAD_UNCHANGED).astype(np.int32)
    chords = pd.read_csv(folder / "grains_steel_highlighted_distances_e112.csv").iloc[:, 1]
    valid, no_pores = np.ones(labels.shape, bool), np.zeros(labels.shape, bool)
    features = measure(close_gaps(labels, valid, max_gap_px=5, pores=no_pores))
    assert chords.mean() == pytest.approx(39.5, abs=0.05)
    assert features["grain_intercept_mean_um"] == pytest.approx(chords.mean(), rel=0.05)
