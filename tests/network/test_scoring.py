"""Scores beside those of the date and the features: worked by hand."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from micro_features.errors import FeatureTableError
from micro_features.explain.compare import CAPTION
from micro_features.fitting.dataset import read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.network import result_files
from micro_features.network.beside import (
    DATE_ALONE,
    DATE_SINGLE,
    TRAINING_MEAN,
    FeatureFit,
    Predictor,
    needs_no_picture,
    read_fit,
)
from micro_features.network.card import _limits
from micro_features.network.scoring import (
    NETWORK,
    auc,
    auc_interval,
    exchange_p,
    left_out_interval,
    said,
    score_columns,
    score_lines,
    scores_file,
    scores_of,
)


@pytest.fixture
def dataset(drawn):
    return read_dataset(drawn[0], DatasetRequest("sigma_S_per_cm", "batch", cuts=(1e-5, 2e-4)))


FOLD = np.arange(12) % 2


def test_auc_counts_pairs():
    above = np.array([True, False, True, False, False])
    # 3 beats 1, ties with 3, loses to 4; 5 beats all three.
    assert auc(above, np.array([3, 1, 5, 3, 4.0])) == pytest.approx((1 + 0.5 + 3) / 6)
    assert np.isnan(auc(np.ones(3, bool), np.arange(3.0)))


def test_an_auc_has_the_interval_of_so_many_pairs_of_groups():
    # Groups 0 to 2 lie below, 3 to 11 above, two rows each: three pairs.
    groups = np.repeat(np.arange(12), 2)
    low, value, high = auc_interval(1.0, groups >= 3, groups)
    assert (value, high) == (1, 1)
    assert low == pytest.approx(0.025 ** (1 / 3))  # Clopper and Pearson, all of three
    assert auc_interval(0.0, groups >= 3, groups) == pytest.approx((0, 0, 1 - low))
    # An AUC just below 1 is no better known than 1, and more rows of the same groups tell no more.
    assert auc_interval(0.99, groups >= 3, groups)[0] < low
    more = np.repeat(groups, 5)
    assert auc_interval(1.0, more >= 3, more)[0] == low
    # Three groups with rows on both sides make one pair, as each is in one pair at most.
    mixed = np.repeat(np.arange(3), 2)
    assert auc_interval(1.0, np.tile([True, False], 3), mixed)[0] == pytest.approx(0.025)
    for above in (np.ones(6, bool), np.tile([True, False], 3)):
        np.testing.assert_array_equal(auc_interval(0.5, above, np.zeros(6, int)), (np.nan, 0.5, np.nan))
    assert np.isnan(auc_interval(np.nan, groups >= 3, groups)).all()


@pytest.mark.parametrize(("apart", "wide"), [(0.0, 1.0), (1.5, 1.0), (2.5, 1.0), (1.0, 4.0)])
def test_the_true_auc_lies_in_the_interval_as_often_as_is_said(apart, wide):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 4)
    above, inside = groups >= 3, 0
    for _ in range(400):
        # The low groups scatter more than the others, within groups hardly anything does.
        of_group = np.where(np.arange(12) >= 3, apart + rng.normal(size=12), wide * rng.normal(size=12))
        predicted = of_group[groups] + 0.1 * rng.normal(size=48)
        low, _, high = auc_interval(auc(above, predicted), above, groups)
        inside += low <= norm.cdf(apart / np.sqrt(1 + wide**2 + 0.02)) <= high
    assert inside >= 0.95 * 400


def test_each_cut_is_asked_of_the_rows_above_the_one_before(dataset):
    # Low rows are predicted highest of all; median and high ones are told apart.
    predicted = np.select([dataset.classes == 0, dataset.classes == 1], [-2.0, -5.5], -3.0)
    found = scores_of(dataset, Predictor("", predicted))
    assert found["auc_above_1"][1] == 0
    assert found["auc_above_2"][1] == 1
    assert found["balanced_accuracy_above_2"][1] == 1
    assert "class_accuracy" not in found
    sure = scores_of(dataset, Predictor("", predicted, np.eye(3)[dataset.classes]))
    assert sure["class_accuracy"][1] == 1
    assert sure["accuracy_from_number"][1] == found["accuracy_from_number"][1] < 1


def test_exchanges_between_groups_tell_a_link_from_none():
    groups = np.repeat(np.arange(10), 2)
    y = groups + np.tile([0.0, 0.1], 10)
    assert exchange_p(y, y, groups) == pytest.approx((0.01, 0.01))
    assert exchange_p(y, -y, groups)[1] > 0.9
    assert exchange_p(y, np.ones(20), groups) == (1.0, 1.0)


def test_the_date_answers_with_the_other_rows_of_its_day(dataset):
    found = needs_no_picture(dataset, FOLD)
    y, day = dataset.y, np.arange(12) % 3
    assert found[TRAINING_MEAN].predicted[0] == pytest.approx(y[FOLD == 1].mean())
    assert found[DATE_ALONE].predicted[0] == pytest.approx(y[(FOLD == 1) & (day == 0)].mean())
    assert found[DATE_SINGLE].predicted[0] == pytest.approx(y[[3, 6, 9]].mean())
    codes = dataset.classes[(FOLD == 1) & (day == 0)]
    assert found[DATE_ALONE].probabilities[0].argmax() == np.bincount(codes).argmax()

    lonely = dataset.confounders.assign(acquisition_date=["2020-01-01", *["2021-01-01"] * 11])
    alone = needs_no_picture(dataclasses.replace(dataset, confounders=lonely), FOLD)
    assert alone[DATE_ALONE].predicted[0] == pytest.approx(y[FOLD == 1].mean())  # no other row of that day
    none = needs_no_picture(dataclasses.replace(dataset, confounders=lonely.iloc[:, :0]), FOLD)
    assert list(none) == [TRAINING_MEAN]


@pytest.mark.parametrize("unknown", [None, float("nan"), "mixed"])
def test_rows_without_a_day_are_no_day(dataset, unknown):
    # Four rows have no day, then four of each of two days.
    y = np.array([-6, -3, -6, -3, -4, -4, -5, -4, -3, -3, -3, -3.0])
    days = [unknown] * 4 + ["2024-01-01"] * 4 + ["2024-01-02"] * 4
    there = dataclasses.replace(
        dataset, y=y, y_native=10**y, confounders=dataset.confounders.assign(acquisition_date=days)
    )
    found = needs_no_picture(there, FOLD)
    # Row 0 is asked of all odd rows, not of the two without a day among them; row 4 of those of its own day alone.
    assert found[DATE_ALONE].predicted[0] == pytest.approx((-3 - 3 - 4 - 4 - 3 - 3) / 6)
    assert found[DATE_ALONE].predicted[4] == pytest.approx(-4)
    assert found[DATE_SINGLE].predicted[1] == pytest.approx((y.sum() + 3) / 11)
    assert found[DATE_SINGLE].predicted[6] == pytest.approx(-4)
    assert found[DATE_ALONE].probabilities[0].tolist() == [0, 0, 1]  # four of six are high
    assert found[TRAINING_MEAN].predicted[0] == found[DATE_ALONE].predicted[0]


def test_intervals_of_left_out_rows_come_from_the_other_folds(dataset):
    missed = np.where(FOLD == 0, 0.1, 0.4)  # rows of fold 1 were missed by more
    low, high = left_out_interval(dataset, dataset.y - missed, FOLD, 0.5)
    np.testing.assert_allclose(high - (dataset.y - missed), np.where(FOLD == 0, 0.4, 0.1), atol=1e-9)
    np.testing.assert_allclose((dataset.y - missed) - low, np.where(FOLD == 0, 0.4, 0.1), atol=1e-9)
    assert np.isnan(left_out_interval(dataset, dataset.y, FOLD, 0.7)).all()  # two groups allow 2/3


def told_of(dataset, drawn, predicted, **changes):
    features = read_fit(drawn[1], dataset)
    network = Predictor("mean over windows", predicted, np.eye(3)[dataset.classes])
    dataset = dataclasses.replace(dataset, **changes)
    return scores_file(dataset, FOLD, {NETWORK: network}, {0: predicted, 1: predicted - 0.1}, features)


def test_a_class_accuracy_never_stands_without_the_dates(dataset, drawn):
    told = told_of(dataset, drawn, dataset.y + 0.05)
    assert not told["at_chance"]
    (line,) = [line for line in told["said"] if line.startswith("Accuracy")]
    date = told["predictors"][DATE_ALONE]["class_accuracy"][1]
    assert f"date alone {date:.2f}" in line
    assert told["predictors"]["feature model"]["r2"][1] == pytest.approx(1 - 0.01 / dataset.y.var())
    assert told["r2_by_seed"]["1"] == pytest.approx(1 - 0.05**2 / dataset.y.var())
    lines = score_lines(told)
    names = list(told["predictors"])
    assert [line.split("  ")[0].strip() for line in lines] == ["", *names, "", "", *names]
    assert max(map(len, lines)) <= 122
    assert list(score_columns(told).values())[3:] == [
        "3 classes",
        "classes, from number",
        "AUC low or not",
        "AUC high/median",
    ]
    json.dumps(told, allow_nan=False)


def test_intervals_that_were_checked_are_not_said_to_be_those_of_new_pictures():
    told = {"level": 0.8, "coverage": [0.56, 0.875, 0.99]}
    schema = {"pixel_um": None, "training": {"of_samples": False}}
    line = _limits(schema, {"intervals": told, "at_chance": False})[1]
    assert (
        line.index("was not checked")
        < line.index("networks that have seen the group")
        < line.index("0.88 [0.56, 0.99]")
    )
    assert line.endswith("of a left-out group lay inside, in the mean over groups.")


def test_without_dates_it_is_said_that_they_are_not_known(dataset, drawn):
    told = told_of(dataset, drawn, dataset.y + 0.05, confounders=dataset.confounders.iloc[:, :0])
    assert any(line.startswith("No dates are known") for line in told["said"])
    assert not any(line.startswith("Accuracy") for line in told["said"])


def test_chance_is_said_first(dataset, drawn):
    told = told_of(dataset, drawn, dataset.y[::-1].copy())
    assert told["at_chance"]
    assert told["said"][0].startswith("No link was found")
    assert told["said"][0].endswith("Its predictions, and maps of where it looks, mean nothing.")


def test_intervals_that_there_are_not_are_told(dataset, drawn):
    # Two groups are left of each fold, and 80 % takes four.
    told = told_of(dataset, drawn, dataset.y + 0.05)
    assert (
        "Prediction intervals at 80 %: they could not be tried on left-out groups, which leave too few others"
        in (told["said"][-1])
    )
    line = _limits({"pixel_um": None, "training": {"of_samples": False}}, told)[1]
    assert line.endswith("Nor could intervals be tried on left-out groups, which leave too few others.")


def drawn_figure(dataset, predicted, told):
    training = SimpleNamespace(
        dataset=dataset, fold=FOLD, windows=None, predictor=lambda told, meaning: Predictor("", predicted)
    )
    return result_files.figure(training, told)


def test_the_figure_says_what_the_scores_mean(dataset, drawn):
    bad = dataset.y[::-1].copy()
    words = drawn_figure(dataset, bad, told_of(dataset, drawn, bad)).get_supxlabel().replace("\n", " ")
    assert words.startswith("The network does no better than chance with groups left out (R² -3.00")
    assert "No interval where the other folds' groups are too few for one." in words
    good, groups = dataset.y + 0.05, np.arange(12)
    words = drawn_figure(
        dataclasses.replace(dataset, groups=groups), good, told_of(dataset, drawn, good, groups=groups)
    ).get_supxlabel()
    assert words == CAPTION


def test_small_errors_have_digits(dataset, drawn):
    linear = dataclasses.replace(
        dataset, y=dataset.y_native, target=dataclasses.replace(dataset.target, log10=False), cuts=(), class_names=()
    )
    features = FeatureFit("xgboost", drawn[1], linear.y, {}, 0, {})
    predicted = linear.y + 2.5e-5
    told = scores_file(linear, FOLD, {NETWORK: Predictor("", predicted)}, {0: predicted}, features)
    assert "MAE, S/cm" in score_lines(told)[0]
    assert "2.5e-05 [2.5e-05, 2.5e-05]" in score_lines(told)[1]
    (box,) = drawn_figure(linear, predicted, told).axes[0].texts
    assert "MAE (S/cm) 2.5e-05 [2.5e-05, 2.5e-05]" in box.get_text()
    assert said([0.06, 0.2, 0.3]) == "0.20 [0.06, 0.30]"


# ---- the fit beside it -----------------------------------------------------------------------------------------------


def test_the_feature_model_is_that_of_the_same_folds(dataset, drawn):
    found = read_fit(drawn[1], dataset)
    np.testing.assert_allclose(found.predicted, dataset.y + 0.1)
    assert found.confounders == {"r2": [0.1, 0.2, 0.3]}
    assert found.folds == drawn[1] / "folds.csv"


def test_the_groups_must_be_those_that_the_fit_left_out(drawn):
    table, fit = drawn
    rows = pd.read_csv(table)
    finer = [f"{group}{row // 6}" for row, group in enumerate(rows["batch"])]
    renamed = rows["batch"].map({"g0": "A", "g1": "B", "g2": "C", "g3": "D"})
    halves = rows["batch"].map({"g0": "A", "g1": "B", "g2": "A", "g3": "B"})
    across = [f"g{row // 3}" for row in range(12)]
    rows.assign(finer=finer, renamed=renamed, halves=halves, across=across).to_csv(table, index=False)

    def groups(name):
        return read_fit(fit, read_dataset(table, DatasetRequest("sigma_S_per_cm", name)))

    groups("renamed")
    for name, number in (("finer", 8), ("halves", 2), ("across", 4)):
        words = rf"the fit left out 'batch' \(4 groups\), asked for are {number} others.*--group batch"
        with pytest.raises(FeatureTableError, match=words):
            groups(name)


def test_a_logarithm_is_another_target(drawn):
    table, fit = drawn

    def target(*, log10):
        return read_fit(fit, read_dataset(table, DatasetRequest("sigma_S_per_cm", "batch", log10=log10)))

    with pytest.raises(FeatureTableError, match=r"models the logarithm of sigma.*ask without --no-log"):
        target(log10=False)
    told = json.loads((fit / "scores.json").read_text())
    told["target"]["log10"] = False
    (fit / "scores.json").write_text(json.dumps(told))
    assert target(log10=False).predicted.max() < 1
    with pytest.raises(FeatureTableError, match=r"asked for is the logarithm of sigma.*ask with --no-log"):
        target(log10=True)


def test_a_fit_of_something_else_is_refused(dataset, drawn, tmp_path):
    fit = drawn[1]
    with pytest.raises(FeatureTableError, match=r"has no folds\.csv, predictions\.csv, scores\.json"):
        read_fit(tmp_path, dataset)
    rows = pd.read_csv(fit / "predictions.csv")
    rows.iloc[1:].to_csv(fit / "predictions.csv", index=False)
    with pytest.raises(FeatureTableError, match="has 11 rows, these data 12"):
        read_fit(fit, dataset)
    rows.assign(measured_sigma_S_per_cm=1.0).to_csv(fit / "predictions.csv", index=False)
    with pytest.raises(FeatureTableError, match="measured_sigma_S_per_cm is not that"):
        read_fit(fit, dataset)
    told = json.loads((fit / "scores.json").read_text())
    told["target"]["task"] = "classes"
    (fit / "scores.json").write_text(json.dumps(told))
    with pytest.raises(FeatureTableError, match="predicts the class of sigma"):
        read_fit(fit, dataset)
    (fit / "scores.json").write_text("{}")
    with pytest.raises(FeatureTableError, match=r"scores\.json: is not what `fit` writes"):
        read_fit(fit, dataset)
