"""From words to the answer, without a network: what drives words and property everywhere is named, and nothing else."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from micro_features.learn.draws import times_drawn
from micro_features.published import one_run
from micro_features.published.answer import Answer, answer_of
from micro_features.published.samples import GROUPED
from micro_features.published.scoring import answers_of, scores_of
from micro_features.visual_words.tree import grow, probabilities, reached

N_GROUPS, EACH, WINDOWS, FOLDS, DRAWS = 16, 3, 4, 4, 200
N = N_GROUPS * EACH
GROUPS = np.repeat(np.arange(N_GROUPS), EACH)
FOLD = GROUPS % FOLDS
OWNER = np.repeat(np.arange(N), WINDOWS)
NAMES = ["pore_area_mean_um2", "grain_area_mean_um2", "pore_number"]


def told_by(strength: np.ndarray, seed: int = 0) -> tuple[dict[str, Any], Answer]:
    """Scores and answer, where each parameter drives words and property with these strengths in each fold.

    Parameters
    ----------
    strength : (folds, 3) array
    seed : int
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(N_GROUPS, 3))[GROUPS] + 0.5 * rng.normal(size=(N, 3))
    hidden = (strength[FOLD] * z).sum(axis=1)
    y = -4 + hidden + 0.1 * rng.normal(size=N)
    classes = (y > np.median(y)).astype(int)
    share = expit(2 * hidden[OWNER] + 0.5 * rng.normal(size=len(OWNER)))
    other = rng.random(len(OWNER))  # of a word that says nothing
    words = np.column_stack([share * other, (1 - share) * other, 1 - other])
    times = times_drawn(GROUPS, DRAWS, seed)
    runs = []
    for fold in range(FOLDS):
        train = fold != FOLD
        seen = train[OWNER]
        tree = grow(words[seen], classes[OWNER][seen], y[OWNER][seen], 2, max_depth=2, seed=seed)
        job = SimpleNamespace(parameters=3 + 2 * z, train=train, groups=GROUPS, times=times, n_classes=2)
        job.words = SimpleNamespace(inverse_penalty=0.9)
        by_tree = probabilities(tree, words)
        told = one_run._steps(job, OWNER, tree, reached(tree, words))
        runs.append(SimpleNamespace(name=f"fold-{fold}", owner=OWNER, scored=~seen, predicted=by_tree, by_tree=by_tree))
        vars(runs[-1]).update(told)
    samples = SimpleNamespace(
        dataset=SimpleNamespace(
            ids=tuple(f"p{row}" for row in range(N)),
            groups=GROUPS,
            group_names=tuple(f"S{group}" for group in GROUPS),
            classes=classes,
            y=y,
        ),
        parameters=SimpleNamespace(
            values=pd.DataFrame(3 + 2 * z, columns=NAMES),
            units=dict.fromkeys(NAMES, "um2"),
            phases=dict.fromkeys(NAMES, "pore"),
        ),
    )
    answers = answers_of(GROUPED, runs, FOLD)
    scores = scores_of(samples, answers, seed=seed)
    return scores, answer_of(samples, answers, "log10 S/cm", against=scores["against_the_answer"], seed=seed)


@pytest.mark.parametrize("sign", [-1, 1])
def test_what_drives_words_and_property_in_every_group_is_sure_with_its_sign(sign):
    scores, answer = told_by(np.tile([sign, 0, 0], (FOLDS, 1)))
    assert scores["against_the_answer"] == []
    first = answer.table.iloc[0]
    assert first["parameter"] == NAMES[0]
    assert first["sure"]
    assert np.sign(first["effect"]) == np.sign(first["median_of_runs"]) == np.sign(first["spearman"]) == sign
    assert first["share"] > 0.6
    assert first["same_sign"] == 1
    assert not answer.table["sure"][1:].any()


def test_what_drives_them_in_one_fold_only_is_not_sure():
    strength = np.tile([-1.0, 0, 0], (FOLDS, 1))
    strength[0, 1] = 2
    scores, answer = told_by(strength)
    assert scores["against_the_answer"] == []
    table = answer.table.set_index("parameter")
    assert table["sure"].to_dict() == {NAMES[0]: True, NAMES[1]: False, NAMES[2]: False}
    assert table.loc[NAMES[0], "effect"] < 0


@pytest.mark.parametrize("seed", range(2))
def test_where_parameters_drive_nothing_no_direction_is_sure(seed):
    scores, answer = told_by(np.zeros((FOLDS, 3)), seed)
    assert scores["against_the_answer"]
    assert not answer.table["sure"].any()
    assert not answer.table["meaningful"].any()
