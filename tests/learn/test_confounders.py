"""Confounder audit: planted sessions, what is nested, and what is said about it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from micro_features.learn.confounders import audit, crosstab, together, verdict

GROUPS = np.repeat(np.arange(12), 4)
ROWS = np.arange(48)


def target(seed=0, *, low=3):
    """Groups that differ, the first few of them much lower."""
    rng = np.random.default_rng(seed)
    return (
        np.where(np.arange(12) < low, -2.0, 0.0)[GROUPS] + 0.3 * rng.normal(size=12)[GROUPS] + 0.1 * rng.normal(size=48)
    )


def one(column, y, groups=GROUPS):
    (found,) = audit(pd.DataFrame({"x": column}), y, groups)
    return found


def test_a_date_of_each_group_foretells_single_rows_and_no_new_group():
    y = target()
    found = one([f"2021-03-{1 + g:02}" for g in GROUPS], y)
    assert (found.kind, found.n_values, found.reason) == ("category", 12, "")
    assert found.left_out_rows[1] > 0.95
    # Without its group a row is told the mean of all others: as worthless as the dummy.
    means = np.array([y[group != GROUPS].mean() for group in GROUPS])
    np.testing.assert_allclose(found.answers_groups, means)
    assert found.left_out_groups[1] < 0
    assert found.nested_rows == found.nested_variance == 1


def test_a_session_that_crosses_groups_foretells_new_groups_too():
    y = target()
    found = one(np.where(GROUPS < 3, "Monday", "Friday"), y)
    assert found.left_out_groups[1] > 0.8
    assert found.nested_rows == found.nested_variance == 0


def test_what_has_nothing_to_do_with_the_target_scores_nothing():
    rng = np.random.default_rng(3)
    for column in (rng.integers(3, size=48).astype(str), rng.normal(size=48), rng.integers(2, size=48)):
        found = one(column, target())
        assert found.left_out_rows[1] < 0.15
        assert found.left_out_groups[1] < 0.15
        assert found.nested_rows < 0.2


def test_category_worked_by_hand():
    y, groups = np.array([1.0, 2, 3, 6]), np.array([0, 0, 1, 1])
    found = one(["a", "a", "a", "b"], y, groups)
    np.testing.assert_allclose(found.answers_rows, [2.5, 2, 1.5, 2])
    np.testing.assert_allclose(found.answers_groups, [3, 3, 1.5, 1.5])
    assert found.nested_rows == 0.25
    assert found.nested_variance == pytest.approx(9 / 14)


def test_number_worked_by_hand():
    # The three nearest others, and all that tie: of 0 those at 1, 2, 3; of 2 those at 1 and 3, and then 0 and 4 alike.
    y, number = np.array([1.0, 2, 4, 8, 16, 32]), np.array([0.0, 1, 2, 3, 4, 99])
    found = one(number, y, np.array([0, 1, 2, 3, 4, 5]))
    first, third, last = (2 + 4 + 8) / 3, (1 + 2 + 8 + 16) / 4, (4 + 8 + 16) / 3
    np.testing.assert_allclose(found.answers_rows[[0, 2, 5]], [first, third, last])
    np.testing.assert_allclose(found.answers_groups, found.answers_rows)
    assert (found.kind, found.nested_rows) == ("number", 1)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_answers_for_numbers_are_those_of_a_plain_loop(seed, n_groups):
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(n_groups), rng.integers(n_groups, size=12)])
    number, y = rng.integers(6, size=len(groups)) / 4 - 7, rng.normal(size=len(groups))
    number[0] = 100
    found = one(number, y, groups)
    for out, answers in ((np.arange(len(y)), found.answers_rows), (groups, found.answers_groups)):
        for i, answer in enumerate(answers):
            others = out != out[i]
            distance = abs(number[others] - number[i])
            radius = np.sort(distance)[min(3, others.sum()) - 1]
            assert answer == pytest.approx(y[others][distance <= radius + 1e-6].mean())


def test_units_and_offset_of_a_number_do_not_matter():
    rng = np.random.default_rng(0)
    number, y = rng.normal(size=48).round(1), target()
    np.testing.assert_allclose(one(number, y).answers_rows, one(1e-6 * number + 4e-6, y).answers_rows)


def test_a_row_never_answers_for_itself():
    y = target()
    for column in (GROUPS.astype(str), GROUPS / 3, np.where(GROUPS % 2, np.nan, GROUPS)):
        before, changed = one(column, y), y.copy()
        changed[7] += 50
        after = one(column, changed)
        assert after.answers_rows[7] == pytest.approx(before.answers_rows[7])
        own = GROUPS[7] == GROUPS
        np.testing.assert_allclose(after.answers_groups[own], before.answers_groups[own])


def test_being_missing_is_a_value_of_its_own():
    y = target()
    numbers = np.where(GROUPS < 3, np.nan, np.random.default_rng(0).normal(size=48))
    texts = [None if group < 3 else "SEI" for group in GROUPS]
    same = np.where(GROUPS < 3, np.nan, 5.0)
    for column in (numbers, texts, same, np.where(GROUPS < 3, np.inf, 5.0)):
        found = one(column, y)
        assert found.reason == ""
        assert found.left_out_groups[1] > 0.7
        assert found.nested_variance < 0.2


def test_a_number_known_in_one_group_only_gives_no_error():
    found = one(np.where(GROUPS == 2, ROWS, np.nan), target())
    assert np.isfinite(found.answers_groups).all()
    assert found.nested_rows == pytest.approx(4 / 48)
    missing = one(np.where(GROUPS == 2, np.nan, 5.0), target())
    assert missing.nested_rows == pytest.approx(4 / 48)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (np.full(48, np.nan), "missing in every row"),
        ([None] * 48, "missing in every row"),
        (["LED"] * 48, "the same in every row: LED"),
        (np.full(48, 0.3745318) + 1e-16 * ROWS, "the same in every row: 0.374532"),
        (np.zeros(48), "the same in every row: 0"),
        ([f"{i}:00" for i in ROWS], "different in every row"),
    ],
)
def test_what_can_not_be_used_is_said_and_not_scored(column, reason):
    found = one(column, target())
    assert found.reason == reason
    assert np.isnan([*found.left_out_rows, *found.left_out_groups, found.nested_rows]).all()


def test_crosstab_counts_rows():
    dates = pd.Series(["2021-05-02", "2021-05-01", None, "2021-05-02"], name="date")
    table = crosstab(dates, ["b", "b", "a", "a"])
    assert list(table.index) == ["2021-05-01", "2021-05-02", "not known"]
    assert table["b"].tolist() == [1, 1, 0]
    assert table["a"].tolist() == [0, 1, 1]
    assert table.to_numpy().sum() == 4
    assert list(table.columns) == ["b", "a"]
    numbers = crosstab(pd.Series(np.arange(41.0), name="WD"), ["g"] * 41)
    assert list(numbers.index) == ["0 to 10", "10 to 20", "20 to 30", "30 to 40"]
    assert numbers["g"].tolist() == [11, 10, 10, 10]
    assert list(crosstab(pd.Series([5.0, 1.0, 5.0]), ["g"] * 3).index) == ["1.0", "5.0"]


def test_confounders_become_numbers():
    frame = pd.DataFrame(
        {
            "date": ["2021-03-01", "2021-03-11", None, "2021-03-01", "2021-03-11"],
            "kV": [5.0, np.nan, 1.0, 5.0, 5.0],
            "detector": ["LED"] * 5,
            "operator": ["A", "B", "A", "B", "C"],
            "time": ["1", "2", "3", "4", "5"],
        },
        index=list("vwxyz"),
    )
    table = together(frame)
    assert list(table) == ["date_days", "date=2021-03-01", "date=2021-03-11", "kV", "operator=A", "operator=B"]
    np.testing.assert_array_equal(table["date_days"], [0, 10, np.nan, 0, 10])
    np.testing.assert_array_equal(table["date=2021-03-01"], [1, 0, 0, 1, 0])
    np.testing.assert_array_equal(table["kV"], frame["kV"])
    assert list(table.index) == list("vwxyz")
    assert together(frame[["detector"]]).shape == (5, 0)


def said(columns, *, grouped, random, by_session=None):
    y = target()
    audits = audit(pd.DataFrame(columns), y, GROUPS)
    return verdict(y, GROUPS, audits, grouped=grouped(y), random=random(y), by_session=by_session)


def good(y):
    return y + 0.1 * np.random.default_rng(8).normal(size=48)


def poor(y):
    return y.mean() + 0.3 * np.random.default_rng(9).normal(size=48)


NESTED = [f"2021-03-{1 + g:02}" for g in GROUPS]
CROSSING = np.where(GROUPS < 3, "Monday", "Friday")
IDLE = np.arange(48) % 2 + 4.0


def test_a_nested_date_can_not_be_acquitted():
    sentences = said({"date": NESTED}, grouped=good, random=good, by_session=(0.1, 0.4, 0.6))
    assert "With single rows left out date alone, R² 0.9" in sentences[0]
    assert "100% of the variance of the target is in rows whose date occurs in no other group" in sentences[1]
    assert "does not acquit it" in sentences[1]
    assert sentences[2] == "With whole imaging sessions left out the model's R² is 0.40 (0.10 to 0.60)."


def test_worse_a_confounder_does_as_well_in_new_groups():
    sentences = said({"kV": IDLE, "day": CROSSING}, grouped=poor, random=good)
    assert sentences[0].startswith("With whole groups left out day alone, R² 0.9")
    assert "does as well as the model, R² -0." in sentences[0]
    assert not any("acquit" in sentence for sentence in sentences)


def test_what_data_can_not_tell_apart():
    y = target()
    found = audit(pd.DataFrame({"day": CROSSING, "kV": IDLE}), y, GROUPS)
    # Better than the day in one group of twelve, and the same in all others.
    model = np.where(GROUPS == 1, y, found[0].answers_groups)
    by_rows = np.where(GROUPS == 1, y, found[0].answers_rows)
    first, *others = verdict(y, GROUPS, found, grouped=model, random=by_rows)
    assert first.startswith("With whole groups left out the data can not tell the model, R² 0.9")
    assert "from day alone" in first
    assert "kV" not in first
    assert [sentence[:39] for sentence in others] == ["With single rows left out day alone, R²"], "nothing is nested"
    assert "can not be told from" in others[0]
    # A worthless confounder is no rival, however unsure the model's own score is; but one that beats the model is.
    lucky = np.where(GROUPS == 0, y, y.mean() - 0.2)
    assert not any(
        "single rows left out kV" in sentence for sentence in verdict(y, GROUPS, found, grouped=y, random=lucky)
    )
    assert any("kV alone" in sentence for sentence in verdict(y, GROUPS, found, grouped=y, random=y[::-1]))


def test_no_confounder_comes_near():
    (sentence,) = said({"kV": IDLE, "detector": ["LED"] * 48}, grouped=good, random=good, by_session=(0, 0, 0))
    assert sentence.startswith(
        "No confounder alone comes near the model: with whole groups left out the best is kV, R² -0"
    )
    (sentence,) = said({"detector": ["LED"] * 48}, grouped=good, random=good)
    assert sentence.startswith("No confounder could be scored")
