"""Scores of runs that are worked by hand."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from micro_features.published import scoring
from micro_features.published.samples import GROUPED, IN_SAMPLE
from micro_features.published.scoring import answers_of, exchange, gap, more_than_date, scored, scores_of

FOLD = np.array([0, 0, 1, 1])
SHARES = ("sent_right", "by_commoner_side", "more_than_commoner_side")
OWNER = np.array([0, 0, 1, 2, 3, 3])
"""Pictures of six windows."""


def told(classes: list[int]) -> np.ndarray:
    """Sure of these."""
    return np.eye(2)[classes]


def hits_of(rows: list[tuple[int, int, int, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["node", "picture", "n_windows", "told", "majority"], dtype=int)


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
        step_hits=hits_of([(0, row, 2, 1, 2) for row in np.flatnonzero(left_out)]),
    )


@pytest.fixture
def answers():
    first = run_of("fold-0", [0, 1, 1, 1, 1, 1], [0, 1, 1, 1], FOLD == 0, 1.0)
    second = run_of("fold-1", [0, 0, 0, 0, 1, 0], [1, 1, 0, 0], FOLD == 1, 2.0)
    return answers_of(GROUPED, [first, second], FOLD)


def samples_of(classes: list[int], groups: list[int]) -> SimpleNamespace:
    names = tuple(f"S{group}" for group in groups)
    return SimpleNamespace(
        dataset=SimpleNamespace(classes=np.array(classes), groups=np.array(groups), group_names=names)
    )


def test_every_answer_is_from_the_run_that_left_the_picture_out(answers):
    assert answers.asked.all()
    assert [each.tolist() for each in answers.of_run] == [[True, True, False, False], [False, False, True, True]]
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
    told = scores["logistic_steps"]
    assert told["n_nodes"] == 2
    assert [told[name][1] for name in SHARES] == [0.5, 1, -0.5]
    assert np.isnan([told[name][end] for name in SHARES for end in (0, 2)]).all()  # of four groups


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
    assert math.isnan(none["exchange_p"])
    assert math.isnan(none["chance"]["accuracy"])


def test_a_tree_without_questions_stands_beside_others():
    runs = [run_of(f"fold-{number}", [0] * 6, [0] * 4, number == FOLD, 1.0) for number in (0, 1)]
    runs[0].step_hits = hits_of([]).astype(object)
    answers = answers_of(GROUPED, runs, FOLD)
    assert len(answers.hits) == 2
    runs[1].step_hits = runs[0].step_hits
    told = scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers_of(GROUPED, runs, FOLD))["logistic_steps"]
    assert told["n_nodes"] == 0
    assert np.isnan([told[name] for name in SHARES]).all()


def test_windows_that_go_where_the_steps_say_by_hand():
    """Of two nodes in two runs; every window counts alike, and pictures of a group are drawn together."""
    hits = pd.concat(
        [
            hits_of([(0, row, 4, 4 if row < 8 else 1, 2) for row in range(12)]).assign(run="fold-0"),
            hits_of([(3, row, 1, 1, 0) for row in range(12)]).assign(run="fold-0"),
            hits_of([(0, row, 1, 0, 1) for row in range(12, 14)]).assign(run="fold-1"),
        ]
    )
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
    told = scoring._steps_scored(hits, groups)
    assert told["n_nodes"] == 3
    n = 12 * 5 + 2
    right, commoner = (8 * 4 + 4 * 1 + 12) / n, (12 * 2 + 2) / n
    assert [told[name][1] for name in SHARES] == pytest.approx([right, commoner, right - commoner])
    low, value, high = told["more_than_commoner_side"]
    assert low < value < high
    # One window more in four everywhere: shares are unsure, but the difference is not.
    alike = hits_of([(0, row, 4, 1 + row % 3, row % 3) for row in range(12)]).assign(run="fold-0")
    surely = scoring._steps_scored(alike, np.arange(12))
    assert surely["sent_right"][0] < surely["by_commoner_side"][2]
    assert surely["more_than_commoner_side"] == pytest.approx([0.25] * 3)
    few = scoring._steps_scored(hits, groups // 3)
    assert few["sent_right"][1] == pytest.approx(right)
    assert np.isnan([few[name][end] for name in SHARES for end in (0, 2)]).all()


def test_fewer_than_six_groups_give_no_interval():
    for n_groups, there in ((5, False), (6, True)):
        groups = np.repeat(np.arange(n_groups), 2)
        classes = np.tile([0, 1], n_groups)
        given = told(np.where(groups == 0, 0, classes).tolist())
        low, value, high = scoring.scored(classes, given, groups)["accuracy"]
        assert value == pytest.approx(1 - 1 / (2 * n_groups))
        assert np.isfinite([low, high]).all() == there
        assert not there or low < value <= high


def test_all_answers_of_one_class_are_chance():
    classes, groups = np.array([1] * 9 + [0]), np.arange(10)
    p, chance = exchange(classes, told([1] * 10), groups)
    assert p == 1
    assert chance == {"accuracy": pytest.approx(0.9), "balanced_accuracy": 0.5}


def test_perfect_answers_of_many_groups_are_not_chance():
    classes = np.tile([0, 1], 6)
    p, chance = exchange(classes, told(classes.tolist()), np.arange(12))
    assert p == pytest.approx(0.01, abs=0.02)
    assert chance["accuracy"] == pytest.approx(0.5, abs=0.05)
    assert chance["balanced_accuracy"] == pytest.approx(chance["accuracy"])  # classes are as frequent as each other


def test_fewer_than_six_groups_can_not_be_told_from_chance():
    for n_groups, known in ((5, False), (6, True)):
        groups = np.repeat(np.arange(n_groups), 2)
        classes = groups % 2
        p, chance = exchange(classes, told(classes.tolist()), groups)
        assert math.isfinite(p) == known
        assert 0.4 < chance["accuracy"] < 0.65


def test_answers_that_are_always_wrong_are_chance():
    classes = np.tile([0, 1], 6)
    assert exchange(classes, told((1 - classes).tolist()), np.arange(12))[0] > 0.9


def test_one_large_group_does_not_make_answers_good():
    """Nearly all is said to be high, and by chance the one large group is: of 40 groups, seldom any other way."""
    groups = np.repeat(np.arange(40), [40] + [2] * 39)
    classes = np.where(np.isin(groups, (0, 39)), 1, 0)
    answer = np.where(groups == 39, 0, 1)
    p, chance = exchange(classes, told(answer.tolist()), groups)
    assert np.mean(answer == classes) > chance["accuracy"] + 0.2
    assert chance["balanced_accuracy"] == pytest.approx(0.5, abs=0.05)
    assert p > 0.5


def test_p_does_not_hang_on_how_groups_are_numbered():
    rng = np.random.default_rng(0)
    classes, given = rng.integers(2, size=16), told(rng.integers(2, size=16).tolist())
    names = np.array([f"S{row // 2}" for row in range(16)])
    order = rng.permutation(16)
    assert exchange(classes[order], given[order], names[order])[0] == pytest.approx(
        exchange(classes, given, names)[0], abs=0.15
    )
    assert exchange(classes, given, names, seed=3) == exchange(classes, given, names, seed=3)
    assert exchange(classes, given, names, seed=3) != exchange(classes, given, names, seed=4)


def test_the_gap_is_in_sample_less_grouped():
    grouped = {stage: {name: [0.1, 0.25, 0.4] for name in scoring.METRICS} for stage in scoring.STAGES}
    own = {stage: {name: [0.5, 0.75, 0.9] for name in scoring.METRICS} for stage in scoring.STAGES}
    assert set(gap(grouped, own)) == set(scoring.STAGES)
    assert gap(grouped, own)["tree"] == {"accuracy": 0.5, "balanced_accuracy": 0.5}


def against(*, tree=0.01, steps=0.01, more=0.1, protocol=GROUPED, n_groups=6):
    scores = {stage: {"exchange_p": p} for stage, p in (("classifier", 0.9), ("tree", tree), ("steps", steps))}
    scores["logistic_steps"] = {
        "sent_right": [0.5, 0.6, 0.7], "by_commoner_side": [0.4, 0.5, 0.6], "more_than_commoner_side": [more, 0.2, 0.3],
    }  # fmt: skip
    return scoring._against(SimpleNamespace(protocol=protocol), scores, n_groups)


def test_what_speaks_against_the_answer():
    assert against() == []  # of the classifier by itself nothing hangs
    (reason,) = against(steps=0.2)
    assert reason == "parameters by logistic steps, pictures: not shown to be better than chance (p = 0.2)"
    (reason,) = against(tree=math.nan)  # not known is not better than chance
    assert reason == "tree of words, pictures: not shown to be better than chance (p = not known)"
    for low in (0.0, -0.1, math.nan):
        (reason,) = against(more=low)
        assert reason.startswith("the logistic steps are not shown to know more than the commoner side of each split")
        assert "(0.60 [0.50, 0.70] of windows sent the right way, 0.50 [0.40, 0.60])" in reason
    assert len(against(tree=0.06, steps=1, more=-1)) == 3
    assert against(n_groups=5) == ["5 groups were left out, too few to tell it from chance"]
    assert against(protocol=IN_SAMPLE) == ["it was scored on what it was trained on"]


def test_steps_that_follow_the_commoner_side_are_a_reason_whatever_they_score(answers):
    """Through all of it, with twelve groups: classes are right everywhere, steps send windows as the commoner side."""
    classes = np.tile([0, 1], 6)
    fold = np.repeat([0, 1], 6)
    samples = samples_of(classes.tolist(), list(range(12)))
    for told_right, n_reasons in ((2, 1), (4, 0)):
        runs = []
        for number in (0, 1):
            run = run_of(f"fold-{number}", classes.tolist(), classes.tolist(), number == FOLD, 1.0)
            run.owner, run.scored = np.arange(12), fold == number
            run.attributed, run.again = np.ones((12, 1)), np.ones((3, 6, 1))
            run.step_hits = hits_of([(0, row, 4, told_right, 2) for row in np.flatnonzero(fold == number)])
            runs.append(run)
        scores = scores_of(samples, answers_of(GROUPED, runs, fold))
        assert scores["steps"]["exchange_p"] < 0.05
        assert len(scores["against_the_answer"]) == n_reasons


def test_in_sample_there_is_no_p_and_always_a_reason():
    run = run_of("in-sample", [0, 0, 1, 0, 1, 1], [0, 1, 0, 1], np.ones(4, bool), 1.0)
    scores = scores_of(samples_of([0, 1, 0, 1], [0, 1, 2, 3]), answers_of(IN_SAMPLE, [run], FOLD))
    assert not any("exchange_p" in scores[stage] for stage in scoring.STAGES)
    assert scores["against_the_answer"] == ["it was scored on what it was trained on"]


def test_references_are_those_of_the_pictures_that_were_asked_about(samples):
    asked = samples.fold == 0
    told = scoring.references(samples, asked)
    assert {each["n"] for each in told.values()} == {asked.sum()}
    # Classes are halves in every fold, so that the commonest class is right half of the time.
    assert told[scoring.COMMONEST]["accuracy"][1] == 0.5


def test_more_than_the_date_is_a_difference_over_the_same_groups(samples, monkeypatch):
    n = len(samples.fold)
    classes, groups = samples.dataset.classes, samples.dataset.groups
    # The date is wrong of groups 0 and 1, the tree of group 0.
    by_date = told(np.where(groups < 2, 1 - classes, classes).tolist())
    by_tree = told(np.where(groups < 1, 1 - classes, classes).tolist())
    dates = {scoring.DATE_ALONE: SimpleNamespace(probabilities=by_date)}
    monkeypatch.setattr(scoring, "needs_no_picture", lambda dataset, fold: dates)
    answers = SimpleNamespace(protocol=GROUPED, asked=np.ones(n, bool), pictures={"tree": by_tree})
    low, value, high = more_than_date(samples, answers)
    assert value == pytest.approx(1 / 6)
    assert low <= 0 < value < high
    answers.pictures["tree"] = by_date
    assert more_than_date(samples, answers) == (0, 0, 0)
    answers.asked = groups == 1
    answers.pictures["tree"] = np.where((groups == 1)[:, None], by_tree, np.nan)
    low, value, high = more_than_date(samples, answers)
    assert (value, math.isnan(low), math.isnan(high)) == (1, True, True)
    assert more_than_date(samples, SimpleNamespace(protocol=IN_SAMPLE)) is None
    dates.clear()
    assert more_than_date(samples, answers) is None


def test_answers_that_are_all_right_are_not_certain():
    classes, groups = np.array([0, 0, 1, 1, 0, 1, 1]), np.arange(7)
    found = scored(classes, np.eye(2)[classes], groups)
    for name in ("accuracy", "balanced_accuracy"):
        low, value, high = found[name]
        assert (value, high) == (1, 1)
        assert low == pytest.approx(0.025 ** (1 / 7))  # Clopper and Pearson, groups as trials
