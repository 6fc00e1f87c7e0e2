import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from scipy.stats import kstest

from micro_features.explain.enrichment import (
    FEWEST_GROUPS,
    MEASURES,
    enrichment,
    movable,
    over_groups,
    over_samples,
    phase_shares,
    shifted,
    shifted_null,
    two_sided_p,
)
from micro_features.images.cells import Cells

LEAN = MEASURES.index("lean")


def halves(rows=8, cols=8):
    """Left half pore, right half interior."""
    pore = np.zeros((rows, cols), bool)
    pore[:, : cols // 2] = True
    return {"pore": pore, "interior": ~pore}


def test_shares_of_cells_by_hand():
    pore = np.zeros((4, 5), bool)
    pore[0, :2] = pore[:, 4] = True
    shares = phase_shares({"pore": pore, "interior": ~pore}, Cells(2), (2, 3))
    # The last column of cells is cut: one pixel wide, all of it pore.
    np.testing.assert_allclose(shares["pore"], [[0.5, 0, 1], [0, 0, 1]])
    np.testing.assert_allclose(shares["interior"], 1 - shares["pore"])


def test_cells_need_not_be_whole_pixels():
    row = np.array([[True, False, False]])
    # Cells of 1.5 px: the first holds all of pixel 0 and half of pixel 1.
    np.testing.assert_allclose(phase_shares({"a": row, "b": ~row}, Cells(1.5), (1, 2))["a"], [[1 / 1.5, 0]])


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.floats(1, 9), st.floats(0, 0.9), st.integers(0, 99))
def test_shares_lose_no_area(rows, cols, edge, hanging, seed):
    phase = np.random.default_rng(seed).integers(3, size=(rows, cols))
    cells = Cells(edge, -hanging * edge)
    shape = (int(np.ceil(rows / edge + hanging)), int(np.ceil(cols / edge + hanging)))
    shares = phase_shares({name: phase == k for k, name in enumerate("abc")}, cells, shape)
    np.testing.assert_allclose(sum(shares.values()), 1)
    # Each cell counted by its area within the picture gives back the area of the phase.
    ends = (cells.origin + edge * np.arange(n + 1) for n in shape)
    down, across = (np.diff(np.clip(each, 0, side)) for each, side in zip(ends, (rows, cols), strict=True))
    assert down @ shares["a"] @ across == pytest.approx((phase == 0).sum())


def test_nothing_valid_has_no_share():
    masks = halves()
    masks["interior"][:4] = False
    np.testing.assert_allclose(sum(phase_shares(masks, Cells(4), (2, 2)).values()), [[1, 0], [1, 1]])


@pytest.mark.parametrize(("cell", "shape"), [(2, (3, 4)), (2, (5, 4)), (3, (4, 3))])
def test_a_map_of_another_picture_is_refused(cell, shape):
    with pytest.raises(ValueError, match="do not lie on a side of 8 px"):
        phase_shares(halves(), Cells(cell), shape)


def test_overlapping_masks_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        phase_shares({"pore": np.ones((2, 2), bool), "interior": np.ones((2, 2), bool)}, Cells(1), (2, 2))


def test_enrichment_by_hand():
    # Four cells; pore is the first and half of the second: area 1.5 / 4.
    pore = np.array([[1, 0.5, 0, 0]])
    table = enrichment(np.array([[2.0, 2.0, -1.0, 0.0]]), {"pore": pore, "interior": 1 - pore})
    area, positive, negative, absolute, net, lean = table.loc["pore"]
    assert area == 0.375
    assert positive == pytest.approx(3 / 4 / 0.375)
    assert negative == 0
    assert absolute == pytest.approx(3 / 5 / 0.375)
    assert net == pytest.approx(3 / 5 / 0.375)
    # All area is pore or interior: of the 3 that they hold together the pore's part is 0.375.
    assert lean == pytest.approx(3 - 0.375 * 3)
    assert np.isnan(table.loc["interior", "lean"])
    assert table.loc["interior", "negative"] == pytest.approx(1 / 0.625)
    assert table.loc["interior", "net"] == pytest.approx((1 - 1) / 5 / 0.625)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_map_that_is_a_mask_and_one_that_is_even(sign):
    shares = phase_shares(halves(), Cells(2), (4, 4))
    name = "positive" if sign > 0 else "negative"
    on_pores = enrichment(sign * shares["pore"], shares)
    assert on_pores.loc["pore", [name, "absolute"]].tolist() == [2, 2]
    assert on_pores.loc["interior", [name, "absolute"]].tolist() == [0, 0]
    assert on_pores.loc["pore", "net"] == 2 * sign
    even = enrichment(np.full((4, 4), 3.0 * sign), shares)
    np.testing.assert_allclose(even[name], 1)
    np.testing.assert_allclose(even["net"], sign)
    assert even.loc["pore", "lean"] == pytest.approx(0, abs=1e-12)
    other = "negative" if sign > 0 else "positive"
    assert even[other].isna().all()


def test_a_phase_smaller_than_a_cell_has_no_enrichment_but_a_lean():
    pore = np.zeros((8, 8), bool)
    pore[0, 0] = True
    shares = phase_shares({"pore": pore, "boundary": np.zeros_like(pore), "interior": ~pore}, Cells(2), (4, 4))
    table = enrichment(np.arange(16.0).reshape(4, 4), shares)
    assert table.loc["pore", list(MEASURES[:4])].isna().all()
    # The pore is a quarter of the first cell, where heat is 0; the interior is all the rest.
    assert table.loc["pore", "lean"] == pytest.approx(0 - 120 / 64)
    assert table.loc["boundary", "lean"] == 0
    assert table.loc["interior", "positive"] > 0


@settings(max_examples=50, deadline=None)
@given(arrays(float, (4, 4), elements=st.floats(-1e3, 1e3, width=16)), st.floats(0.1, 10), st.floats(-100, 100))
def test_units_do_not_matter_and_a_constant_is_no_lean(heat, unit, constant):
    shares = phase_shares(halves(), Cells(2), (4, 4))
    table = enrichment(heat, shares)
    scaled = enrichment(unit * heat, shares)
    np.testing.assert_allclose(scaled.iloc[:, :-1], table.iloc[:, :-1], rtol=1e-6, atol=1e-9)
    assert np.isfinite(table.loc["pore", "lean"])
    np.testing.assert_allclose(scaled["lean"], unit * table["lean"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(enrichment(heat + constant, shares)["lean"], table["lean"], atol=1e-6)


def three_phases(rng, pores):
    """Shares of a picture in cells of one pixel: pores, a tenth boundary, the rest interior."""
    place = rng.permutation(400).reshape(20, 20)
    pore = place < round(400 * pores)
    boundary = ~pore & (place >= 360)
    masks = {"pore": pore, "boundary": boundary, "interior": ~pore & ~boundary}
    return {name: mask.astype(float) for name, mask in masks.items()}


def test_a_network_that_looks_at_pores_only_does_not_lean_on_boundaries():
    # Against the whole map boundaries would lean by area of pores x area of boundaries: the more pores the more.
    rng = np.random.default_rng(8)
    for pores in (0.01, 0.1, 0.3):
        shares = three_phases(rng, pores)
        table = enrichment(-shares["pore"], shares)
        assert table.loc["boundary", "lean"] == pytest.approx(0, abs=1e-9)
        area = table["area"]
        assert table.loc["pore", "lean"] == pytest.approx(
            -400 * area["pore"] * area["interior"] / (area["pore"] + area["interior"])
        )


def test_leans_on_one_phase_do_not_ask_about_the_others():
    shares = three_phases(np.random.default_rng(9), 0.2)
    heat = np.random.default_rng(10).normal(size=(20, 20))
    table = enrichment(heat, shares)
    without = enrichment(np.where(shares["boundary"] > 0, 99, heat), shares)
    assert without.loc["pore", "lean"] == pytest.approx(table.loc["pore", "lean"])
    assert without.loc["boundary", "lean"] > 1000
    other = enrichment(heat, shares, control="pore")
    assert np.isnan(other.loc["pore", "lean"])
    # Of two phases, what one holds beyond its part the other lacks.
    assert other.loc["interior", "lean"] == pytest.approx(-table.loc["pore", "lean"])


# Less than one cell of 4 px has the heat of what surrounds it, and is no control either.
@pytest.mark.parametrize("interior_px", [0, 3])
def test_there_is_no_lean_without_a_control(interior_px):
    interior = np.zeros((16, 16), bool)
    interior[0, 16 - interior_px :] = True
    pore, rest = halves(16, 16).values()
    masks = {"pore": pore, "boundary": rest & ~interior, "interior": interior}
    shares = phase_shares(masks, Cells(2), (8, 8))
    heat = np.random.default_rng(11).normal(size=(8, 8))
    table = enrichment(heat, shares)
    assert table["lean"].isna().all()
    assert table.loc["pore", "net"] == pytest.approx(2 * heat[:, :4].sum() / abs(heat).sum())
    null = shifted_null(heat, shares, n=9, rng=np.random.default_rng(12))
    assert np.isnan(null[..., LEAN]).all()
    assert np.isfinite(null[:, :2, :LEAN]).all()
    for judge in (enrichment, lambda *a, **k: shifted_null(*a, **k, n=2, rng=np.random.default_rng(0))):
        with pytest.raises(ValueError, match="no phase grain to take leans against; the phases are pore, boundary"):
            judge(heat, shares, control="grain")


def test_a_map_that_can_not_be_judged_is_refused():
    shares = phase_shares(halves(), Cells(2), (4, 4))
    with pytest.raises(ValueError, match=r"shape \(3, 4\)"):
        enrichment(np.zeros((3, 4)), shares)
    with pytest.raises(ValueError, match="NaN or infinity"):
        enrichment(np.full((4, 4), np.nan), shares)
    with pytest.raises(ValueError, match="nothing in the picture is valid"):
        enrichment(np.zeros((4, 4)), {"pore": np.zeros((4, 4))})


def test_the_null_is_what_moving_the_map_gives():
    rng = np.random.default_rng(0)
    heat = rng.normal(size=(7, 8))
    pore = rng.random((7, 8)) * 0.5
    shares = {"pore": pore, "interior": 0.9 - pore}
    every = [
        enrichment(np.roll(flipped, (down, across), (0, 1)), shares)[list(MEASURES)].to_numpy()
        for flipped in (heat, heat[:, ::-1], heat[::-1], heat[::-1, ::-1])
        for down in range(7)
        for across in range(8)
        # A quarter of 7 rows is 1.75, of 8 columns 2.
        if min(down, 7 - down) >= 2 or min(across, 8 - across) >= 2
    ]
    null = shifted_null(heat, shares, n=4000, rng=rng)
    assert null.shape == (4000, 2, 5)
    for measure in range(5):
        expected, found = (np.unique(np.round(np.array(each)[:, 0, measure], 9)) for each in (every, null))
        np.testing.assert_allclose(found, expected, atol=1e-8)
    assert np.isnan(null[:, 1, LEAN]).all()


def test_a_moved_map_has_the_same_cells_elsewhere():
    heat = np.arange(48.0).reshape(6, 8)
    for seed in range(30):
        moved = shifted(heat, np.random.default_rng(seed))
        assert not (moved == heat).all()
        np.testing.assert_array_equal(np.sort(moved, axis=None), heat.ravel())
        # Neighbours stay neighbours.
        assert (abs(np.diff(moved, axis=1)) == 1).mean() > 0.8


def test_what_is_not_valid_does_not_enter_the_null():
    rng = np.random.default_rng(1)
    heat, pore = rng.normal(size=(12, 12)), rng.random((12, 12))
    whole = shifted_null(heat, {"pore": pore, "interior": 1 - pore}, n=200, rng=np.random.default_rng(2))
    # The same picture with a masked margin, where the network answered with nonsense.
    heat, pore, solid = (
        np.pad(each, ((0, 3), (2, 0)), constant_values=fill) for each, fill in ((heat, 99), (pore, 0), (1 - pore, 0))
    )
    framed = shifted_null(heat, {"pore": pore, "interior": solid}, n=200, rng=np.random.default_rng(2))
    np.testing.assert_allclose(framed, whole)


def test_heat_on_a_masked_corner_does_not_enter_the_null():
    rng = np.random.default_rng(1)
    heat, pore, valid = rng.normal(size=(12, 12)), rng.random((12, 12)), np.ones((12, 12))
    valid[:4, :5] = 0
    shares = {"pore": pore * valid, "interior": (1 - pore) * valid}
    nonsense = np.where(valid > 0, heat, 99)
    one, other = (shifted_null(each, shares, n=200, rng=np.random.default_rng(2)) for each in (heat, nonsense))
    np.testing.assert_allclose(one, other)


def test_a_map_too_coarse_to_be_moved_has_no_null():
    shares = phase_shares(halves(), Cells(2), (4, 4))
    assert np.isnan(shifted_null(np.ones((4, 4)), shares, n=5, rng=np.random.default_rng(0))).all()
    assert np.isnan(two_sided_p(1.0, np.full(5, np.nan)))


@pytest.mark.parametrize(
    # 6 x 6: 36 places less 3 x 3 that are too near, 4 mirrorings: 108. 5 x 5: 64.
    ("shape", "enough"),
    [((1, 1), False), ((5, 5), False), ((6, 6), True), ((1, 60), True)],
)
def test_maps_that_can_be_moved(shape, enough):
    assert movable(shape) is enough


def smooth(rng, shape=(16, 20)):
    return gaussian_filter(rng.normal(size=shape), 1.5, mode="wrap")


def test_p_of_maps_that_know_nothing_is_uniform_and_of_a_planted_one_small():
    rng = np.random.default_rng(3)
    p = []
    for _ in range(150):
        pore = (smooth(rng) > 0.1).astype(float)
        shares = {"pore": pore, "interior": 1 - pore}
        heat = smooth(rng)
        null = shifted_null(heat, shares, n=199, rng=rng)
        p.append(two_sided_p(enrichment(heat, shares)[list(MEASURES)].to_numpy(), null)[0, LEAN])
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) < 0.12
    planted = smooth(rng) * 0.5 + pore * smooth(rng).std()
    table = enrichment(planted, shares)
    null = shifted_null(planted, shares, n=999, rng=rng)
    assert two_sided_p(table.loc["pore", "lean"], null[:, 0, LEAN]) < 0.05


def test_an_even_map_is_never_more_than_chance():
    pore = np.random.default_rng(4).random((8, 9))
    shares = {"pore": pore, "interior": 1 - pore}
    heat = np.full((8, 9), 0.1)
    null = shifted_null(heat, shares, n=99, rng=np.random.default_rng(5))
    p = two_sided_p(enrichment(heat, shares)[list(MEASURES)].to_numpy(), null)
    np.testing.assert_array_equal(p[:, [0, 2, 3]], 1)


def test_two_sided_p_by_hand():
    null = np.arange(1.0, 20.0)
    assert two_sided_p(20.0, null) == 2 / 20
    assert two_sided_p(0.0, null) == 2 / 20
    assert two_sided_p(19.0, null) == 4 / 20
    assert two_sided_p(10.0, null) == 1
    assert two_sided_p(20.0, np.r_[null, np.nan]) == 2 / 20
    np.testing.assert_array_equal(two_sided_p(np.array([20.0, np.nan]), np.tile(null[:, None], 2)), [0.1, np.nan])


def test_mean_over_samples():
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(10), 3)
    values = np.r_[rng.normal(1, 0.1, 29), np.nan]
    found = over_samples(values, rng.normal(0, 1, (30, 499)), groups, n_resamples=200)
    assert found.value == pytest.approx(np.nanmean(values))
    assert found.low < found.value < found.high
    assert (found.n, found.n_groups) == (29, 10)
    assert found.p == 2 / 500
    nothing = over_samples(np.full(3, np.nan), np.full((3, 9), np.nan), np.arange(3))
    assert nothing.n == 0
    assert np.isnan(nothing.p)


def test_intervals_are_over_groups_and_not_over_pictures():
    rng = np.random.default_rng(7)
    effect = np.repeat(rng.normal(size=12), 10)
    low, value, high = over_groups(lambda rows: effect[rows].mean(), np.repeat(np.arange(12), 10), n_resamples=500)
    assert low < value < high
    # Student's t of 12 groups.
    assert (high - low) / 2 == pytest.approx(2.2 * effect[::10].std(ddof=1) / np.sqrt(12), rel=0.15)
    alone = over_groups(lambda rows: effect[rows].mean(), np.arange(120), n_resamples=500)
    assert alone[2] - alone[0] < 0.5 * (high - low)


def test_intervals_begin_with_six_groups():
    values = np.random.default_rng(13).normal(size=30)
    few, enough = (
        over_groups(lambda rows: values[rows].mean(), np.arange(30) % n, n_resamples=50)
        for n in (FEWEST_GROUPS - 1, FEWEST_GROUPS)
    )
    assert np.isnan(few[[0, 2]]).all()
    assert few[1] == pytest.approx(values.mean())
    assert enough[0] < enough[1] < enough[2]
    assert 2 * 0.5**FEWEST_GROUPS <= 0.05 < 2 * 0.5 ** (FEWEST_GROUPS - 1)


def test_an_array_of_numbers_has_an_interval_each():
    table = np.random.default_rng(14).normal(size=(9, 2, 3))
    found = over_groups(lambda rows: table[rows].mean(axis=0), np.arange(9), n_resamples=50)
    assert found.shape == (3, 2, 3)
    assert (np.diff(found, axis=0) > 0).all()


def test_a_number_that_is_not_defined_has_no_interval_and_spoils_no_other():
    table = np.column_stack([np.arange(9.0), np.full(9, np.nan)])
    found = over_groups(lambda rows: table[rows].mean(axis=0), np.arange(9), n_resamples=50)
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1]).all()
