"""Corrections by hand: what they change, and what they leave alone."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.corrections import Erase, Merge, Paint, Split, apply, as_dicts, parse, scaled
from micro_features.errors import CorrectionsError

ROWS, COLS = 40, 60


def scene():
    """Four grains in a row, each 15 px wide; a pore of 6 x 6 px in the second."""
    grains = np.repeat(np.arange(1, 5), 15)[None].repeat(ROWS, 0).astype(np.int32)
    pores = np.zeros((ROWS, COLS), np.int32)
    pores[10:16, 20:26] = 1
    grains[pores > 0] = 0
    return grains, pores, np.ones((ROWS, COLS), bool)


def corrected(*operations):
    return apply(*scene(), operations)


def test_nothing_changes_nothing():
    grains, pores, _ = scene()
    found = corrected()
    np.testing.assert_array_equal(found.grains, grains)
    np.testing.assert_array_equal(found.pores, pores)
    np.testing.assert_array_equal(found.grain_origin, np.arange(5))
    assert (found.applied, found.missed) == (0, ())


def test_an_erased_pore_belongs_to_the_grain_around_it():
    found = corrected(Erase("pore", (12, 22)))
    assert found.pores.max() == 0
    assert (found.grains[:, 15:30] == 2).all()
    assert found.grain_origin.tolist() == [0, 1, 0, 3, 4]
    assert found.applied == 1


def test_an_erased_grain_is_background_and_labels_close_up():
    found = corrected(Erase("grain", (5, 5)))
    assert (found.grains[:, :15] == 0).all()
    assert found.grains.max() == 3
    assert (found.grains[:, 30:45] == 2).all()
    assert found.grain_origin.tolist() == [0, 2, 3, 4]


def test_an_erased_pore_without_grains_is_background():
    _, pores, valid = scene()
    found = apply(np.zeros_like(pores), pores, valid, [Erase("pore", (12, 22))])
    assert found.grains.max() == found.pores.max() == 0


def test_neighbours_merge_also_through_each_other():
    found = corrected(Merge("grain", ((5, 5), (5, 35), (5, 20))))
    assert found.grains.max() == 2
    assert len(np.unique(found.grains[:, :45][found.grains[:, :45] > 0])) == 1
    assert found.grain_origin.tolist() == [0, 0, 4]


@pytest.mark.parametrize(
    "operation",
    [
        Merge("grain", ((5, 5), (5, 35))),  # they do not touch
        Merge("grain", ((5, 5), (6, 6))),  # the same
        Merge("pore", ((12, 22), (30, 30))),  # no second pore
        Erase("pore", (0, 0)),
        Erase("grain", (-3, 5)),
        Erase("grain", (5, 1e6)),
        Split("grain", ((10, 5), (20, 5))),  # ends inside
        Split("grain", ((-50, -50), (-20, -20))),
        Split("pore", ((0, 0), (0, 59))),
        Paint("pore", ((500, 500), (510, 510)), 3),
        Paint("pore", ((12, 22),), 1),  # is pore already
    ],
)
def test_what_finds_nothing_to_act_on_is_missed_and_changes_nothing(operation):
    grains, pores, _ = scene()
    found = corrected(operation)
    assert (found.applied, found.missed) == (0, (0,))
    np.testing.assert_array_equal(found.grains, grains)
    np.testing.assert_array_equal(found.pores, pores)


def test_a_stroke_cuts_every_grain_that_it_crosses():
    found = corrected(Split("grain", ((19.6, -2), (20.4, 62))))
    assert found.grains.max() == 8
    assert len(np.unique(found.grains[:19])) == len(np.unique(found.grains[22:])) + 1  # the pore's 0
    assert ((found.grains > 0) == (scene()[0] > 0)).all()


def test_a_slanting_stroke_cuts_too_and_pieces_are_whole():
    found = corrected(Split("grain", ((0, 0), (39, 14))))
    assert found.grains.max() == 5
    areas = sorted(np.bincount(found.grains[:, :15].ravel())[1:].tolist())
    areas = [area for area in areas if area]
    assert sum(areas) == 600
    assert min(areas) > 250


def test_a_stroke_along_the_rim_cuts_no_crumbs_off():
    found = corrected(Split("grain", ((39, 0), (37, 2), (39, 4))))  # two pixels lie beyond it, below
    assert found.missed == (0,)
    found = corrected(Split("grain", ((39, 0), (37, 2), (39, 4), (39, 8), (-1, 8))))
    assert found.grains.max() == 5
    assert min(np.bincount(found.grains.ravel())[1:]) > 200


def test_what_hangs_on_by_a_corner_or_lies_apart_stays_with_its_grain():
    labels = np.zeros((30, 30), np.int32)
    labels[:20, :20] = 1
    labels[20:25, 20:25] = 1  # by a corner
    labels[28:, 28:] = 1  # apart
    found = apply(labels, np.zeros_like(labels), np.ones(labels.shape, bool), [Split("grain", ((-2, 6), (32, 6)))])
    assert found.grains.max() == 2
    assert (found.grains[:20, :6] == 2).all()
    assert (found.grains[labels > 0][-4:] == 1).all()
    assert (found.grains[20:25, 20:25] == 1).all()
    # The stroke ends in the grain and passes by the part that lies apart: nothing is cut.
    found = apply(labels, np.zeros_like(labels), np.ones(labels.shape, bool), [Split("grain", ((10, 10), (40, 10)))])
    assert found.missed == (0,)


def test_a_painted_pore_takes_from_the_grain_and_joins_the_pores_that_it_touches():
    found = corrected(Paint("pore", ((12, 28), (12, 40)), 2.5))
    assert found.pores.max() == 1
    assert (found.pores[12, 20:43] == 1).all()
    assert (found.grains[found.pores > 0] == 0).all()
    assert found.grains.max() == 4


def test_a_grain_that_is_painted_through_is_two():
    found = corrected(Paint("pore", ((-5, 7), (45, 7)), 1))
    assert found.grains.max() == 5
    assert found.pores.max() == 2
    assert found.grain_origin.tolist().count(0) == 3  # the background, and both halves


def test_a_painted_dot_is_a_disc():
    found = corrected(Paint("pore", ((30, 50),), 4))
    row, col = np.nonzero(found.pores == 2)
    assert np.hypot(row - 30, col - 50).max() <= 4
    assert len(row) == pytest.approx(np.pi * 16, rel=0.1)


def test_nothing_is_painted_outside_the_material():
    grains, pores, valid = scene()
    valid[:, 45:] = False
    found = apply(grains, pores, valid, [Paint("pore", ((30, 40), (30, 59)), 2)])
    assert not found.pores[:, 45:].any()
    assert found.pores[30, 44] == 2


def test_order_counts():
    paint, erase = Paint("pore", ((30, 50),), 3), Erase("pore", (30, 50))
    assert corrected(paint, erase).pores.max() == 1
    assert corrected(erase, paint).pores.max() == 2


POINTS = st.tuples(st.floats(-20, 70), st.floats(-20, 80))
PHASES = st.sampled_from(["grain", "pore"])
OPERATIONS = st.one_of(
    st.builds(Erase, PHASES, POINTS),
    st.builds(Merge, PHASES, st.lists(POINTS, min_size=2, max_size=4).map(tuple)),
    st.builds(Split, PHASES, st.lists(POINTS, min_size=2, max_size=5).map(tuple)),
    st.builds(Paint, st.just("pore"), st.lists(POINTS, min_size=1, max_size=4).map(tuple), st.floats(0.1, 9)),
)


@given(st.lists(OPERATIONS, max_size=6))
def test_labels_stay_whole_numbers_without_gaps_and_phases_apart(operations):
    grains, pores, valid = scene()
    valid[35:] = False
    grains[~valid] = 0
    before = grains.copy(), pores.copy()
    found = apply(grains, pores, valid, operations)
    np.testing.assert_array_equal(grains, before[0])
    np.testing.assert_array_equal(pores, before[1])
    for labels in (found.grains, found.pores):
        assert labels.dtype == np.int32
        assert set(np.unique(labels)) | {0} == set(range(labels.max() + 1))
        assert not labels[~valid].any()
    assert not ((found.grains > 0) & (found.pores > 0)).any()
    assert found.applied + len(found.missed) == len(operations)
    assert len(found.grain_origin) == found.grains.max() + 1
    # Whatever is said to be as before, is.
    for label, origin in enumerate(found.grain_origin):
        if origin:
            np.testing.assert_array_equal(found.grains == label, grains == origin)


@given(st.lists(OPERATIONS.filter(lambda each: each.kind in ("merge", "split")), max_size=5))
def test_merging_and_splitting_keep_every_pixel(operations):
    grains, pores, valid = scene()
    found = apply(grains, pores, valid, operations)
    np.testing.assert_array_equal(found.grains > 0, grains > 0)
    np.testing.assert_array_equal(found.pores > 0, pores > 0)


@given(st.lists(OPERATIONS, max_size=5))
def test_what_is_written_reads_back_as_itself(operations):
    assert parse(as_dicts(operations)) == tuple(operations)


def test_a_split_on_an_enlarged_picture_is_the_enlarged_split():
    grains, pores, valid = scene()
    split = Split("grain", ((19.5, -3), (19.5, 63)))
    large = apply(*(each.repeat(3, 0).repeat(3, 1) for each in (grains, pores, valid)), [scaled(split, 3)])
    small = apply(grains, pores, valid, [split])
    assert large.grains.max() == small.grains.max() == 8
    assert scaled(Paint("pore", ((0, 0),), 2), 0.5) == Paint("pore", ((-0.25, -0.25),), 1)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("text", "not a list"),
        ([3], "correction 1: is int"),
        ([{"kind": "melt"}], "kind is 'melt'"),
        ([{"kind": "erase", "phase": "grain"}], "erase lacks 'at'"),
        ([{"kind": "erase", "phase": "grain", "at": [1, 2], "why": 3}], "not known: 'why'"),
        ([{"kind": "erase", "phase": "pores", "at": [1, 2]}], "phase is 'pores'"),
        ([{"kind": "erase", "phase": "grain", "at": [1]}], r"not \[row, col\]"),
        ([{"kind": "erase", "phase": "grain", "at": [1, float("nan")]}], r"not \[row, col\]"),
        ([{"kind": "erase", "phase": "grain", "at": [1, 10**400]}], r"not \[row, col\]"),
        ([{"kind": "merge", "phase": "grain", "at": [[1, 2]]}], "list of 2 to"),
        ([{"kind": "paint", "phase": "grain", "stroke": [[1, 2]], "radius_px": 2}], "phase is 'grain'"),
        ([{"kind": "paint", "phase": "pore", "stroke": [[1, 2]], "radius_px": -2}], "radius_px is -2"),
        ([{"kind": "paint", "phase": "pore", "stroke": [[1, 2]], "radius_px": True}], "radius_px is True"),
    ],
)
def test_what_is_no_correction_is_named(told, said):
    with pytest.raises(CorrectionsError, match=said):
        parse(told)


def test_many_corrections_take_a_moment():
    """Prints; a slow machine is no failure unless it is absurd."""
    rng = np.random.default_rng(0)
    grains = (np.arange(960)[:, None] // 24 * 54 + np.arange(1280)[None] // 24 + 1).astype(np.int32)
    pores = np.zeros_like(grains)
    operations = []
    for _ in range(50):
        row, col = rng.uniform(30, 900), rng.uniform(30, 1200)
        operations.append(Paint("pore", ((row, col), (row + 20, col + 10)), 4.0))
        operations.append(Merge("grain", ((row - 12, col), (row + 12, col))))
    began = time.perf_counter()
    found = apply(grains, pores, np.ones(grains.shape, bool), operations)
    seconds = time.perf_counter() - began
    print(f"{len(operations)} corrections of 1280 x 960 px: {1000 * seconds:.0f} ms")
    assert found.applied > 50
    assert seconds < 5
