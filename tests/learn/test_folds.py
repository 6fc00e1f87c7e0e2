import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.errors import FeatureTableError
from micro_features.learn.folds import codes, connected, grouped_kfold, leave_one_group_out, random_kfold

GROUPS = st.lists(st.integers(0, 9), min_size=4, max_size=60).filter(lambda groups: len(set(groups)) > 3)


def test_codes_are_in_order_of_first_appearance_and_missing_ones_have_none():
    numbers, names = codes(["b", None, "a", "b", float("nan")])
    assert numbers.tolist() == [0, -1, 1, 0, -1]
    assert names == ("b", "a")


def test_every_group_is_left_out_once():
    assert leave_one_group_out(np.array([7, 7, 3, 7, 0])).tolist() == [0, 0, 1, 0, 2]


@given(GROUPS, st.integers(2, 4), st.integers(0, 5))
def test_folds_are_of_whole_groups_and_balanced(groups, k, seed):
    groups = np.array(groups)
    fold = grouped_kfold(groups, k, seed)
    assert set(fold) == set(range(k))
    assert all(len(set(fold[groups == group])) == 1 for group in groups)
    rows = np.bincount(fold)
    assert np.ptp(rows) <= np.bincount(groups).max()


def test_grouped_folds_follow_the_seed():
    groups = np.repeat(np.arange(12), np.arange(1, 13))  # also where no two groups are of one size
    drawn = [tuple(grouped_kfold(groups, 5, seed)) for seed in range(5)]
    assert len(set(drawn)) == 5
    assert tuple(grouped_kfold(groups, 5, 3)) == drawn[3]


@given(st.integers(4, 50), st.integers(2, 4), st.integers(0, 5))
def test_random_folds_are_balanced(n, k, seed):
    rows = np.bincount(random_kfold(n, k, seed), minlength=k)
    assert rows.sum() == n
    assert np.ptp(rows) <= 1


def test_random_folds_are_mixed():
    assert sorted(random_kfold(20, 20, 0)) == list(range(20))
    assert random_kfold(20, 20, 0).tolist() != random_kfold(20, 20, 1).tolist()


@pytest.mark.parametrize("k", [1, 4])
def test_folds_that_can_not_be_made_are_refused(k):
    with pytest.raises(FeatureTableError, match=f"{k} folds can not be made of 3 groups; choose 2 to 3"):
        grouped_kfold(np.array([0, 1, 2, 2]), k, 0)
    with pytest.raises(FeatureTableError, match=f"{k} folds can not be made of 3 rows"):
        random_kfold(3, k, 0)


def test_one_group_can_not_be_left_out():
    with pytest.raises(FeatureTableError, match="there are 1 groups"):
        leave_one_group_out(np.array([2, 2, 2]))


def test_labels_tie_rows_transitively():
    schedules = ["a", "a", "b", "c", "d"]
    dates = [1, 2, 2, 3, 3]
    assert connected(schedules, dates).tolist() == [0, 0, 0, 1, 1]


def test_missing_labels_tie_nothing():
    assert connected([None, None, "a"], [float("nan"), None, "b"]).tolist() == [0, 1, 2]
    assert connected([None, None]).tolist() == [0, 1]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=25))
def test_components_are_those_of_merging_until_nothing_changes(pairs):
    found = connected([one for one, _ in pairs], [other for _, other in pairs])
    component = list(range(len(pairs)))
    for _ in pairs:
        for i, one in enumerate(pairs):
            for j, other in enumerate(pairs):
                if one[0] == other[0] or one[1] == other[1]:
                    component[i] = component[j] = min(component[i], component[j])
    assert found.tolist() == codes(component)[0].tolist()
