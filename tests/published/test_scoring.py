"""Scores of runs that are worked by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from micro_features.published import scoring
from micro_features.published.samples import GROUPED, IN_SAMPLE
from micro_features.published.scoring import answers_of, exchange_p, gap, means, scores_of, stages_at_chance

FOLD = np.array([0, 0, 1, 1])
OWNER = np.array([0, 0, 1, 2, 3, 3])
"""Pictures of six windows."""


def told(classes: list[int]) -> np.ndarray:
    """Sure of these."""
    return np.eye(2)[classes]


def run_of(name: str, windows: list[int], routed: list[int], left_out: np.ndarray, value: float) -> SimpleNamespace:
    """A run whose stages all say these classes of windows."""
    n = len(left_out)
    return SimpleNamespace(
        name=name,
        owner=OWNER,
        scored=left_out[OWNER],
        predicted=told(windows),
        by_tree=told(windows),
        routed=told(routed),
        attributed=np.full((n, 1), value),
        base=10 * value,
        again=np.full((3, left_out.sum(), 1), value),
        step_hits=pd.DataFrame({"node": [0], "n_windows": [left_out[OWNER].sum()], "told": [0.5], "majority": [1.0]}),
    )


@pytest.fixture
def answers():
    first = run_of("fold-0", [0, 1, 1, 1, 1, 1], [0, 1, 1, 1], FOLD == 0, 1.0)
    second = run_of("fold-1", [0, 0, 0, 0, 1, 0], [1, 1, 0, 0], FOLD == 1, 2.0)
    return answers_of(GROUPED, [first, second], FOLD)


def samples_of(classes: list[int], groups: list[int]) -> SimpleNamespace:
    return SimpleNamespace(dataset=SimpleNamespace(classes=np.array(classes), groups=np.array(groups)))


def test_every_answer_is_from_the_run_that_left_the_picture_out(answers):
    assert answers.asked.all()
    assert answers.pictures["tree"].tolist() == [[0.5, 0.5], [0, 1], [1, 0], [0.5, 0.5]]
    assert answers.pictures["steps"].argmax(axis=1).tolist() == [0, 1, 0, 0]
    assert answers.attributed[:, 0].tolist() == [1, 1, 2, 2]
    assert answers.base.tolist() == [10, 10, 20, 20]
    assert (answers.again[:, :, 0] == [1, 1, 2, 2]).all()
    for stage in ("classifier_windows", "tree_windows"):
        owner, given = answers.windows[stage]
        assert owner.tolist() == [0, 0, 1, 2, 3, 3]
        assert given.argmax(axis=1).tolist() == [0, 1, 1, 0, 1, 0]


def test_of_one_fold_alone_only_its_pictures_have_answers():
    only = answers_of(GROUPED, [run_of("fold-0", [0] * 6, [0] * 4, FOLD == 0, 1.0)], FOLD)
    assert only.asked.tolist() == [True, True, False, False]
    for given in (*only.pictures.values(), only.attributed, only.base, only.again[0]):
        assert np.isfinite(given[:2]).all()
        assert np.isnan(given[2:]).all()
    assert set(only.windows["tree_windows"][0]) == {0, 1}
    scores = scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), only)
    assert {stage: scores[stage]["n"] for stage in scoring.STAGES} == {
        "classifier_windows": 3, "classifier": 2, "tree_windows": 3, "tree": 2, "steps": 2,
    }  # fmt: skip


def test_the_studys_own_protocol_asks_about_all_but_scores_the_classifier_on_its_fifth():
    run = run_of("in-sample", [0, 0, 1, 0, 1, 1], [0, 1, 0, 1], np.ones(4, bool), 1.0)
    run.scored = np.array([True, False, False, False, True, False])
    own = answers_of(IN_SAMPLE, [run], FOLD)
    assert own.asked.all()
    assert own.windows["classifier_windows"][0].tolist() == [0, 3]
    assert len(own.windows["tree_windows"][0]) == 6


def test_scores_by_hand(answers):
    # Windows 0 and 1 are of picture 0, and so on; true classes of windows: 0 0 1 0 1 1; said: 0 1 1 0 1 0.
    scores = scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers)
    assert scores["tree_windows"]["accuracy"][1] == pytest.approx(4 / 6)
    assert scores["tree_windows"]["balanced_accuracy"][1] == pytest.approx((2 / 3 + 2 / 3) / 2)
    # Pictures: 0 is even and goes to the lower class, right; 1 right; 2 right; 3 is even: low, wrong.
    assert scores["tree"]["accuracy"][1] == pytest.approx(3 / 4)
    # Steps say 0 1 0 0.
    assert scores["steps"]["accuracy"][1] == pytest.approx(3 / 4)
    assert scores["steps"]["balanced_accuracy"][1] == pytest.approx(3 / 4)
    assert scores["logistic_steps"] == {"n_nodes": 2, "sent_right": 0.5, "by_commoner_side": 1.0}


def test_pictures_without_parameters_are_not_scored(answers):
    answers.pictures["steps"][3] = np.nan
    scores = scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers)
    assert scores["steps"]["n"] == 3
    assert scores["steps"]["accuracy"][1] == 1
    answers.pictures["steps"][:] = np.nan
    none = scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers)["steps"]
    assert none["n"] == 0
    assert math.isnan(none["accuracy"][1])
    assert none.keys() == scores["steps"].keys()
    assert none["exchange_p"] == 1


def test_steps_that_no_window_comes_to_do_not_count(answers):
    answers.hits.loc[0, ["n_windows", "told", "majority"]] = [0, np.nan, np.nan]
    assert scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers)["logistic_steps"]["sent_right"] == 0.5
    none = answers.hits.assign(n_windows=0, told=np.nan, majority=np.nan)
    answers.hits.loc[:] = none
    assert math.isnan(scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers)["logistic_steps"]["sent_right"])


def test_a_tree_without_questions_stands_beside_others():
    runs = [run_of(f"fold-{number}", [0] * 6, [0] * 4, number == FOLD, 1.0) for number in (0, 1)]
    runs[0].step_hits = runs[0].step_hits.iloc[:0].astype({"n_windows": object, "told": object, "majority": object})
    answers = answers_of(GROUPED, runs, FOLD)
    assert len(answers.hits) == 1
    runs[1].step_hits = runs[0].step_hits
    scores = scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers_of(GROUPED, runs, FOLD))
    assert scores["logistic_steps"]["n_nodes"] == 0
    assert math.isnan(scores["logistic_steps"]["sent_right"])


def test_fewer_than_six_groups_give_no_interval():
    for n_groups, there in ((5, False), (6, True)):
        groups = np.repeat(np.arange(n_groups), 2)
        classes = np.tile([0, 1], n_groups)
        given = told(np.where(groups == 0, 0, classes).tolist())
        low, value, high = scoring._scored(classes, given, groups)["accuracy"]
        assert value == pytest.approx(1 - 1 / (2 * n_groups))
        assert np.isfinite([low, high]).all() == there
        assert not there or low < value <= high


def test_all_answers_of_one_class_are_chance():
    classes, groups = np.array([1] * 9 + [0]), np.arange(10)
    assert exchange_p(classes, told([1] * 10), groups) == 1


def test_perfect_answers_of_many_groups_are_not_chance_and_those_of_three_are():
    classes = np.tile([0, 1], 6)
    assert exchange_p(classes, told(classes.tolist()), np.arange(12)) == pytest.approx(0.01, abs=0.02)
    # Three groups can change places in six ways: no p is small.
    groups = np.repeat([0, 1, 2], 4)
    of_groups = np.repeat([0, 0, 1], 4)
    assert exchange_p(of_groups, told(of_groups.tolist()), groups) > 0.2


def test_answers_that_are_always_wrong_are_chance():
    classes = np.tile([0, 1], 6)
    assert exchange_p(classes, told((1 - classes).tolist()), np.arange(12)) > 0.9


def test_the_gap_is_in_sample_less_grouped():
    grouped = {stage: {name: [0.1, 0.25, 0.4] for name in scoring.METRICS} for stage in scoring.STAGES}
    own = {stage: {name: [0.5, 0.75, 0.9] for name in scoring.METRICS} for stage in scoring.STAGES}
    assert set(gap(grouped, own)) == set(scoring.STAGES)
    assert gap(grouped, own)["tree"] == {"accuracy": 0.5, "balanced_accuracy": 0.5}


def test_stages_at_chance_are_those_that_the_answer_rests_on():
    scores = {stage: {"exchange_p": p} for stage, p in (("classifier", 0.9), ("tree", 0.01), ("steps", 0.2))}
    assert stages_at_chance(scores) == ["steps"]
    scores["tree"]["exchange_p"] = math.nan  # not known is not better than chance
    assert stages_at_chance(scores) == ["tree", "steps"]


def test_means_over_windows_of_each_picture():
    assert means(np.array([[1.0], [3.0], [5.0]]), np.array([0, 0, 1]), 2).ravel().tolist() == [2, 5]


def test_references_are_those_of_the_pictures_that_were_asked_about(samples):
    asked = samples.fold == 0
    told = scoring.references(samples, asked)
    assert {each["n"] for each in told.values()} == {asked.sum()}
    # Classes are halves in every fold, so that the commonest class is right half of the time.
    assert told[scoring.COMMONEST]["accuracy"][1] == 0.5
