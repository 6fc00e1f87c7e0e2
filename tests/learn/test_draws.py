"""Streams are independent; thinning loses no group."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from micro_features.learn.draws import BOOTSTRAP, CHOICE, stream, thinned, times_drawn


def test_no_two_purposes_and_numbers_share_a_stream() -> None:
    first = {float(stream(seed, purpose, i).random()) for seed in (0, 1) for purpose in range(1, 6) for i in range(20)}
    assert len(first) == 200
    assert stream(3, CHOICE, 2).random() == stream(3, CHOICE, 2).random()
    assert stream(3, BOOTSTRAP).random() != np.random.default_rng([3, BOOTSTRAP]).random()


@given(sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12), most=st.integers(12, 80))
def test_every_group_keeps_as_many_rows_as_the_others_or_all_it_has(sizes: list[int], most: int) -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    rows = thinned(groups, most, np.random.default_rng(1))
    assert len(rows) == min(most, len(groups))
    assert len(set(rows.tolist())) == len(rows)
    kept = np.bincount(groups[rows], minlength=len(sizes))
    quota = kept.max()
    assert all(k >= min(size, quota - 1) for k, size in zip(kept, sizes, strict=True))


def test_of_very_many_groups_some_are_kept() -> None:
    rows = thinned(np.arange(1000), 50, np.random.default_rng(0))
    assert len(rows) == 50


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=9), seed=st.integers(0, 99))
def test_rows_of_a_group_count_alike_and_as_many_groups_are_drawn_as_there_are(sizes: list[int], seed: int) -> None:
    groups = np.random.default_rng(0).permutation(np.repeat(7 * np.arange(len(sizes)) - 3, sizes))
    times = times_drawn(groups, 5, seed)
    assert times.shape == (5, len(groups))
    _, first = np.unique(groups, return_index=True)
    assert (times[:, first].sum(axis=1) == len(sizes)).all()
    for group in set(groups.tolist()):
        assert (np.ptp(times[:, groups == group], axis=1) == 0).all()


def test_draws_hang_on_the_seed_alone() -> None:
    groups = np.arange(8)
    times = times_drawn(groups, 400, 0)
    assert (times == times_drawn(groups, 400, 0)).all()
    assert (times != times_drawn(groups, 400, 1)).any()
    # Draws with replacement: each group is missing (1 - 1/8)^8 of the time.
    assert abs((times == 0).mean() - (7 / 8) ** 8) < 0.02
    # As many rows more of a group change nothing of the others.
    assert (times_drawn(np.repeat(groups, 2), 400, 0)[:, ::2] == times).all()
