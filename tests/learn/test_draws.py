"""Streams are independent; thinning loses no group."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from micro_features.learn.draws import BOOTSTRAP, CHOICE, stream, thinned


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
