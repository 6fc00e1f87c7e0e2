"""Porosity and places of pores against drawn fields whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from micro_features.features.fields import (
    FIELD_FEATURES,
    boundary_pores,
    field_features,
    porosity_features,
    spacing_features,
)
from micro_features.features.regions import region_table


def draw_discs(shape, centres, radii):
    mask = np.zeros(shape, bool)
    for (row, col), radius in zip(centres, radii, strict=True):
        top, left = (max(int(middle - radius) - 1, 0) for middle in (row, col))
        tile = mask[top : int(row + radius) + 2, left : int(col + radius) + 2]
        rows, cols = np.ogrid[: tile.shape[0], : tile.shape[1]]
        tile |= (rows + top - row) ** 2 + (cols + left - col) ** 2 <= radius**2
    return mask


def boolean_field(rng, shape, per_px2, mean_radius, spread, margin=40):
    """Discs at random, overlapping; the share they cover on average is known."""
    rows, cols = shape[0] + 2 * margin, shape[1] + 2 * margin
    number = rng.poisson(per_px2 * rows * cols)
    centres = rng.random((number, 2)) * (rows, cols) - margin
    radii = rng.lognormal(np.log(mean_radius), spread, number)
    inside = (centres + radii[:, None] > 0).all(axis=1) & (centres - radii[:, None] < shape).all(axis=1)
    return draw_discs(shape, centres[inside], radii[inside])


def covered(per_px2, mean_radius, spread):
    return 1 - np.exp(-per_px2 * np.pi * mean_radius**2 * np.exp(2 * spread**2))


def measure(grains, pores, valid=None, pixel_um=1.0, seed=0):
    valid = np.ones(pores.shape, bool) if valid is None else valid
    pores = pores.astype(np.int32)
    regions = region_table(pores, np.zeros(pores.shape, np.float32), valid, pixel_um=pixel_um, phase="pore")
    return field_features(
        grains.astype(np.int32),
        pores,
        regions,
        valid,
        pixel_um=pixel_um,
        rounded_circularity=0.6,
        reach_px=2,
        seed=seed,
    )


def test_porosity_is_a_share_of_what_is_valid():
    pores = np.zeros((100, 200), bool)
    pores[10:30, 50:60] = True
    assert porosity_features(pores, np.ones(pores.shape, bool), seed=0)["porosity"] == 200 / 20000
    valid = np.zeros(pores.shape, bool)
    valid[20:70, 40:140] = True
    assert porosity_features(pores, valid, seed=0)["porosity"] == 100 / 5000


@pytest.mark.parametrize(
    ("per_px2", "mean_radius", "spread"),
    [(1.5e-3, 4, 0.4), (3e-3, 5, 0.2), (4e-3, 12, 0.2), (1.5e-4, 5, 0.2)],
    ids=["a tenth", "a fifth", "mostly pore", "few pores"],
)
def test_confidence_interval_holds_the_truth(per_px2, mean_radius, spread):
    rng = np.random.default_rng(11)
    truth, shape, hits = covered(per_px2, mean_radius, spread), (240, 320), []
    for _ in range(120):
        found = porosity_features(boolean_field(rng, shape, per_px2, mean_radius, spread), np.ones(shape, bool), seed=1)
        hits.append(found["porosity_ci95_low"] <= truth <= found["porosity_ci95_high"])
    assert 0.87 <= np.mean(hits) < 1


def test_interval_shrinks_with_the_picture():
    rng = np.random.default_rng(4)
    field = boolean_field(rng, (800, 800), 1e-3, 4, 0.4)
    wide = porosity_features(field[:200, :200], np.ones((200, 200), bool), seed=0)
    narrow = porosity_features(field, np.ones((800, 800), bool), seed=0)
    ratio = (wide["porosity_ci95_high"] - wide["porosity_ci95_low"]) / (
        narrow["porosity_ci95_high"] - narrow["porosity_ci95_low"]
    )
    assert 2 < ratio < 8  # sixteen times the area: four times


def test_interval_follows_the_seed_alone():
    field = boolean_field(np.random.default_rng(4), (300, 300), 1e-3, 4, 0.4)
    every = np.ones(field.shape, bool)
    first, again, other = (porosity_features(field, every, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["porosity_ci95_high"] != other["porosity_ci95_high"]


def test_no_pore_and_nothing_but_pore():
    every = np.ones((80, 80), bool)
    empty, full = porosity_features(~every, every, seed=0), porosity_features(every, every, seed=0)
    assert empty == pytest.approx({"porosity": 0, "porosity_ci95_low": 0, "porosity_ci95_high": np.nan}, nan_ok=True)
    assert full == pytest.approx({"porosity": 1, "porosity_ci95_low": np.nan, "porosity_ci95_high": 1}, nan_ok=True)
    assert np.isnan(list(porosity_features(every, ~every, seed=0).values())).all()


def test_one_pore_leaves_much_open():
    pores = draw_discs((300, 300), [(150, 150)], [6])
    found = porosity_features(pores, np.ones(pores.shape, bool), seed=0)
    # One event seen: 0.025 to 5.57 expected (exact Poisson interval).
    assert found["porosity_ci95_low"] == pytest.approx(0.0253 * found["porosity"], rel=0.01)
    assert found["porosity_ci95_high"] == pytest.approx(5.572 * found["porosity"], rel=0.01)


def test_blocks_of_equal_share_leave_nothing_open():
    pores = np.zeros((100, 100), bool)
    pores[::5, ::5] = True
    found = porosity_features(pores, np.ones(pores.shape, bool), seed=0)
    assert found["porosity_ci95_low"] == found["porosity_ci95_high"] == found["porosity"] == pytest.approx(0.04)


def test_discs_are_rounded_and_branched_pores_are_open():
    pores = np.zeros((120, 120), np.int32)
    pores[draw_discs(pores.shape, [(30, 30)], [12])] = 1
    pores[60:62, 10:110] = 2
    pores[20:110, 80:82] = 2
    found = measure(np.zeros(pores.shape), pores)
    assert found["porosity_rounded"] == pytest.approx((pores == 1).mean())
    assert found["porosity_open"] == pytest.approx((pores == 2).mean())


def test_pores_on_boundaries_and_inside_grains():
    rows, cols = np.mgrid[:120, :120]
    grains = 1 + rows // 40 * 3 + cols // 40
    places = [(20, 20), (60, 62), (100, 100), (40, 20), (40, 80), (80, 60), (80, 79)]
    radii = [6, 6, 6, 4, 4, 4, 4]
    pores = ndimage.label(draw_discs(grains.shape, places, radii))[0].astype(np.int32)
    grains[pores > 0] = 0
    every = np.ones(grains.shape, bool)
    found = boundary_pores(grains, pores, every, reach_px=2)
    assert found["pore_on_boundary_number_share"] == pytest.approx(4 / 7)
    small, large = 49, 113  # pixels of discs of radius 4 and 6
    assert found["pore_on_boundary_area_share"] == pytest.approx(4 * small / (4 * small + 3 * large), rel=0.02)
    # A drawn boundary line hides no grain that lies within reach.
    lined = np.where((rows % 40 < 1) | (cols % 40 < 1), 0, grains)
    assert boundary_pores(lined, pores, every, reach_px=3)["pore_on_boundary_number_share"] == pytest.approx(4 / 7)


def test_pores_without_grains_have_no_place():
    pores = np.zeros((50, 50), np.int32)
    pores[10:14, 10:14] = 1
    every = np.ones(pores.shape, bool)
    assert np.isnan(list(boundary_pores(pores * 0, pores, every, reach_px=3).values())).all()
    assert np.isnan(list(boundary_pores(pores + 1, pores * 0, every, reach_px=3).values())).all()


def clark_evans(points, size):
    return spacing_features(points, area_um2=size**2, perimeter_um=4 * size)["pore_clark_evans"]


def test_random_points_have_a_clark_evans_index_of_one():
    rng = np.random.default_rng(0)
    for number in (20, 200):
        indices = [clark_evans(rng.random((number, 2)) * 100, 100) for _ in range(300)]
        assert np.mean(indices) == pytest.approx(1, abs=0.015)


def test_a_triangular_lattice_has_the_largest_clark_evans_index():
    pitch = 10.0
    i, j = np.mgrid[:120, :104]
    points = np.column_stack([(i * pitch * np.sqrt(3) / 2).ravel(), ((j + i % 2 / 2) * pitch).ravel()])
    rows, cols = 120 * pitch * np.sqrt(3) / 2, 104 * pitch
    found = spacing_features(points, area_um2=rows * cols, perimeter_um=2 * (rows + cols))
    assert found["pore_nearest_distance_mean_um"] == pytest.approx(pitch)
    assert found["pore_clark_evans"] == pytest.approx(2.149, rel=0.015)  # the edge costs 1 %


def test_clusters_have_a_small_clark_evans_index():
    rng = np.random.default_rng(1)
    points = (rng.random((30, 1, 2)) * 100 + rng.normal(0, 1, (30, 8, 2))).reshape(-1, 2)
    assert clark_evans(points, 100) < 0.5


def test_too_few_pores_have_no_spacing():
    for number, known in ((0, 0), (1, 0), (2, 1), (7, 1), (8, 2)):
        points = np.random.default_rng(number).random((number, 2))
        found = list(spacing_features(points, area_um2=1.0, perimeter_um=4.0).values())
        assert np.isfinite(found).sum() == known


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90, np.transpose])
def test_flips_and_turns_change_nothing(turn):
    pores, _ = ndimage.label(boolean_field(np.random.default_rng(7), (151, 203), 1e-3, 4, 0.3))
    rows, cols = np.mgrid[:151, :203]
    grains = np.where(pores > 0, 0, 1 + rows // 17 * 30 + cols // 23)
    valid = np.ones(pores.shape, bool)
    valid[:11], valid[60:70, 60:80] = False, False
    before, after = measure(grains, pores, valid), measure(turn(grains), turn(pores), turn(valid))
    assert after == pytest.approx(before)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.int32, (11, 9), elements=st.integers(0, 3)),
    arrays(np.int32, (11, 9), elements=st.integers(0, 3)),
    arrays(bool, (11, 9)),
)
def test_any_label_images_are_answered(grains, pores, valid):
    found = measure(grains, pores, valid)
    assert set(found) == {feature.name for feature in FIELD_FEATURES}
    assert not np.isinf(list(found.values())).any()
    for name, value in found.items():
        if name.startswith("porosity") or name.endswith("share"):
            assert np.isnan(value) or 0 <= value <= 1
