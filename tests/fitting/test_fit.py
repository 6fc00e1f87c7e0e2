"""The command fit on a table whose link is known: what it finds, says, refuses and writes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.cli import main
from micro_features.errors import FeatureTableError, OutputError, SettingsError
from micro_features.fitting import evaluate, explaining, result_files, scores_file, wording
from micro_features.fitting.dataset import read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.fit import Fit, fit
from micro_features.learn import validate
from micro_features.learn.tabular import MODELS, Problem
from micro_features.learn.validate import Choice, fit_chosen

from .conftest import EACH, N_GROUPS, made_up_table, request_for


def test_the_planted_link_is_found_and_explained(fitted: Fit) -> None:
    xgboost = fitted.models["xgboost"].scores
    low, value, high = xgboost["grouped"]["r2"]
    assert 0.5 < low < value < high < 1
    assert fitted.permutation_p == pytest.approx(1 / 20)
    phases = fitted.explained.importance["phase"].set_index("group")
    assert phases["share"].idxmax() == "pore"
    assert phases.loc["pore", "clears_null"]
    assert not phases.drop("pore")["clears_null"].any()
    dependence = fitted.explained.attributions
    column = dependence.names.index("porosity")
    assert np.corrcoef(fitted.dataset.X["porosity"], dependence.values[:, column])[0, 1] < -0.8


def test_attributions_add_up_to_the_left_out_prediction(fitted: Fit) -> None:
    found = fitted.explained.attributions
    assert {choice.columns for choice in fitted.run.choices} == {fitted.final.choice.columns}
    np.testing.assert_allclose(found.base + found.values.sum(axis=1), fitted.run.predicted, atol=1e-4)
    assert found.unit == "log10 S/cm"


def test_where_folds_disagree_the_final_set_of_columns_is_explained(
    tmp_path: Path, quick_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, manifest = made_up_table(tmp_path)
    chosen = iter(range(1000))
    choose = validate.choose

    def by_turns(model, X, y, groups, subsets, problem, *, number=0):
        names = list(subsets)[:2]
        name = names[next(chosen) % len(names)] if number else "structure"
        return choose(model, X, y, groups, {name: subsets[name]}, problem, number=number)

    monkeypatch.setattr(validate, "choose", by_turns)
    monkeypatch.setattr("micro_features.fitting.fit.choose", by_turns)
    found = fit(request_for(table, manifest, permutations=3, bootstraps=8))
    assert {choice.subset for choice in found.run.choices} == {"all", "structure"}
    structure = [name for name in found.dataset.X if not name.startswith("texture")]
    assert sorted(found.explained.attributions.names) == sorted(structure)
    shares = found.explained.importance["phase"]
    assert set(shares["group"]) == {"pore", "grain"}
    assert any("Folds chose different sets of columns" in line for line in wording.sentences(found))


def test_columns_that_were_not_chosen_get_nothing() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    model = fit_chosen(MODELS["xgboost"], X, X[:, 3], Choice("two", (1, 3), {"rounds": 20}, 0.0), Problem())
    values, base = explaining.contributions(model, X)
    assert not values[:, [0, 2]].any()
    assert np.abs(values[:, 3]).mean() > 5 * np.abs(values[:, 1]).mean()
    np.testing.assert_allclose(base + values.sum(axis=1), model.predict(X), atol=1e-4)


def test_protocols_leave_out_what_they_say(fitted: Fit) -> None:
    ways = {way.name: way for way in fitted.ways}
    assert list(ways) == ["grouped", "grouped_5fold", "grouped_by_session", "random"]
    groups = fitted.dataset.groups
    for name in ("grouped", "grouped_5fold", "grouped_by_session"):
        assert all(len(set(ways[name].fold[groups == g])) == 1 for g in range(N_GROUPS)), name
    assert len(set(ways["grouped"].fold)) == N_GROUPS
    days = fitted.dataset.confounders["acquisition_date"]
    sessions = ways["grouped_by_session"].fold
    assert all(len(set(sessions[days == day])) == 1 for day in set(days))
    assert len(set(sessions)) == N_GROUPS // 2
    assert any(len(set(ways["random"].fold[groups == g])) > 1 for g in range(N_GROUPS))


def test_many_groups_are_left_out_in_folds(tmp_path: Path, quick_models: None) -> None:
    table, manifest = made_up_table(tmp_path)
    stated = pd.read_csv(manifest)
    stated["sintering_schedule"] = [f"S{i}" for i in range(len(stated))]
    stated.to_csv(manifest, index=False)
    found = fit(request_for(table, manifest, permutations=0, bootstraps=2))
    assert found.first.name == "grouped"
    assert len(set(found.first.fold)) == evaluate.GROUPED_FOLDS
    np.testing.assert_array_equal(found.first.fold, found.file_folds)
    assert found.permutation_p is None
    assert len(found.partitions) == evaluate.PARTITIONS - 1
    assert any("partitions of the groups" in line for line in wording.sentences(found))


def test_reference_lines_are_those_of_the_formula(fitted: Fit) -> None:
    y, fold = fitted.dataset.y, fitted.first.fold
    lines = evaluate.reference_lines(fitted.dataset, fold)
    mean = np.array([y[fold != number].mean() for number in fold])
    assert lines["training_mean"] == pytest.approx(evaluate.r2(y, mean))
    beyond = [np.clip(y[i], y[fold != fold[i]].min(), y[fold != fold[i]].max()) for i in range(len(y))]
    assert lines["no_extrapolation"] == pytest.approx(evaluate.r2(y, np.array(beyond)))
    assert lines["no_extrapolation"] < 1
    assert lines["training_mean"] < 0 < lines["perfect_class"] < lines["no_extrapolation"] <= 1


def test_sets_of_columns_are_those_with_columns_and_no_two_alike(fitted: Fit) -> None:
    names = list(fitted.dataset.X.columns)
    subsets = {name: [names[i] for i in columns] for name, columns in evaluate.subsets_of(fitted.dataset).items()}
    assert subsets["structure"] == ["porosity", "grain_diameter_mean_um", "pore_area_mean_um2"]
    assert subsets["unevenness"] == ["texture_gradient_cv_2px", "texture_gradient_cv_4px"]
    assert subsets["all"] == names
    assert len(subsets["texture"]) == 3


def test_intervals_cover_and_say_how_often(fitted: Fit) -> None:
    known, y = fitted.left_out, fitted.dataset.y
    inside = (known.low <= y) & (y <= known.high)
    assert known.coverage[1] == pytest.approx(inside.mean())
    assert 0.6 <= inside.mean() <= 1


def test_an_assumed_sign_is_obeyed_and_marked(tmp_path: Path, quick_models: None) -> None:
    table, manifest = made_up_table(tmp_path)
    found = fit(request_for(table, manifest, rises_with=("porosity",), permutations=0, bootstraps=2))
    values = found.explained.attributions
    if "porosity" in values.names:  # free, it falls by half a decade
        high = found.dataset.X["porosity"] > found.dataset.X["porosity"].median()
        column = values.values[:, values.names.index("porosity")]
        assert column[high].mean() >= column[~high].mean() - 1e-6
    assert scores_file.scores(found)["features"]["assumed_sign"] == {"porosity": "rising"}
    assert any("Assumed, not learned: rises with porosity" in line for line in wording.sentences(found))
    importance = result_files.attribution_tables(found)["importance"]
    marked = importance[importance["assumed"] == "porosity rising"]
    assert set(marked.loc[marked["of"] == "feature", "group"]) <= {"porosity"}
    assert marked.empty != ("porosity" in values.names)
    assert set(result_files.attribution_tables(found)["attributions"]["assumed"]) <= {"porosity rising", ""}


def test_classes_are_predicted_with_probabilities(tmp_path: Path, quick_models: None) -> None:
    table, manifest = made_up_table(tmp_path)
    request = request_for(table, manifest, task="classes", cuts=(3e-5, 1e-4), permutations=2, bootstraps=2)
    found = fit(request)
    assert found.run.predicted.shape == (N_GROUPS * EACH, 3)
    assert found.models["xgboost"].scores["grouped"]["balanced_accuracy"][1] > 0.6
    table_out = result_files.predictions(found)
    assert {"measured_class", "predicted_class", "probability_low", "probability_high"} <= set(table_out.columns)
    assert found.explained.attributions.unit == "log odds of high against low"
    assert set(scores_file.scores(found)["intervals"]) == {"in_domain"}
    assert "in_domain" in table_out
    assert list(wording.lines(found))


def test_scores_are_whole_and_readable_by_any_program(fitted: Fit) -> None:
    text = json.dumps(scores_file.scores(fitted), allow_nan=False)
    scores = json.loads(text)
    assert scores["n_groups"] == N_GROUPS
    for model in scores["models"].values():
        for way in ("grouped", "grouped_5fold", "grouped_by_session", "random"):
            for name in ("r2", "mae_decades", "spearman", "accuracy", "balanced_accuracy"):
                assert len(model[way][name]) == 3, (way, name)
    assert {"xgboost", "ridge", "mean", "confounders only", "process only"} == set(scores["models"])
    assert scores["models"]["xgboost"]["permutation_p"] == scores["permutation_p"]
    assert {entry["name"] for entry in scores["confounders"]} >= {"acquisition_date", "acquisition_kV"}
    assert scores["features"]["left_out"]["acquisition_date"].startswith("how the picture was taken")


def test_the_honest_score_is_printed_before_the_optimistic_one(fitted: Fit) -> None:
    lines = list(wording.lines(fitted))
    heading = next(line for line in lines if "random split" in line)
    assert heading.index("groups left out") < heading.index("random split")
    assert any(line.startswith("xgboost") and "[" in line for line in lines)


def test_everything_is_written(fitted: Fit, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    result_files.write(fitted, folder, ["fit", "features.csv"])
    written = {path.name for path in folder.iterdir()}
    assert {"scores.json", "predictions.csv", "attributions.csv", "attribution_bands.csv", "importance.csv"} <= written
    assert {"interactions.csv", "folds.csv", "figures", "confounders", "model"} <= written
    folds = pd.read_csv(folder / "folds.csv")
    assert list(folds.columns) == ["micrograph_id", "group", "fold"]
    predictions = pd.read_csv(folder / "predictions.csv")
    np.testing.assert_allclose(
        np.log10(predictions["predicted_conductivity_S_per_cm"]), fitted.run.predicted, atol=1e-6
    )
    assert {path.suffix for path in (folder / "figures").iterdir()} == {".png", ".svg", ".pdf"}
    names = {path.stem for path in (folder / "figures").iterdir()}
    assert {"predicted_against_measured", "optimism", "beeswarm", "learning_curve"} <= names
    assert any(name.startswith("dependence_1_porosity") for name in names)
    with pytest.raises(OutputError, match="exists already"):
        result_files.write(fitted, folder, [])


@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        ({"level": 0.95}, SettingsError, "8 groups allow at most"),
        ({"rises_with": ("prosity",)}, SettingsError, "no feature here"),
        ({"rises_with": ("porosity",), "falls_with": ("porosity",)}, SettingsError, "choose one"),
        ({"task": "classes", "cuts": ()}, FeatureTableError, "no classes"),
        ({"task": "classes", "cuts": (1e-9,)}, FeatureTableError, "no row"),
        ({"group": "nothing"}, FeatureTableError, "nothing"),
    ],
)
def test_what_contradicts_the_data_is_refused(
    more: dict[str, object], error: type[Exception], words: str, tmp_path: Path, quick_models: None
) -> None:
    table, manifest = made_up_table(tmp_path)
    with pytest.raises(error, match=words):
        fit(request_for(table, manifest, **more))


def test_too_few_groups_to_try_the_intervals_are_told(tmp_path: Path, quick_models: None) -> None:
    table, manifest = made_up_table(tmp_path)
    stated = pd.read_csv(manifest)
    for n_groups, level in ((2, 0.6), (4, 0.8)):
        stated["sintering_schedule"] = [f"S{i % n_groups}" for i in range(len(stated))]
        stated.to_csv(manifest, index=False)
        request = request_for(table, manifest, level=level, permutations=0, bootstraps=0)
        found = fit(request)
        assert np.isnan(found.left_out.coverage).all()
        assert any("could not be tried on left-out groups" in line for line in wording.sentences(found))
        assert scores_file.scores(found)["intervals"]["coverage"] == [None, None, None]


def test_a_sample_pictured_on_two_days_ties_them(tmp_path: Path) -> None:
    table, manifest = made_up_table(tmp_path)
    features = pd.read_csv(table)
    features["acquisition_date"] = [f"2024-01-{1 + i // EACH:02d}" for i in range(len(features))]
    features["sample_id"] = features["micrograph_id"]
    features.loc[[0, 1], "sample_id"] = "both"  # of group S0, one on the day of S7
    features.loc[1, "acquisition_date"] = features["acquisition_date"].iloc[-1]
    features.to_csv(table, index=False)
    stated = pd.read_csv(manifest)
    stated.loc[1, "conductivity_S_per_cm"] = stated["conductivity_S_per_cm"][0]
    stated.to_csv(manifest, index=False)
    dataset = read_dataset(table, DatasetRequest("conductivity_S_per_cm", "sintering_schedule", manifest))
    assert len(dataset.ids) == N_GROUPS * EACH - 1
    of_group = {name: set(dataset.sessions[np.array(dataset.group_names) == name]) for name in ("S0", "S7", "S3")}
    assert of_group["S0"] == of_group["S7"] != of_group["S3"]


def test_names_that_break_figures_or_tables_are_survived_or_refused(tmp_path: Path, quick_models: None) -> None:
    table, manifest = made_up_table(tmp_path)
    features, stated = pd.read_csv(table), pd.read_csv(manifest)
    features["micrograph_id"] = ["$a_$ 1" + "x" * 300, *features["micrograph_id"][1:]]
    stated["sintering_schedule"] = stated["sintering_schedule"].replace("S0", "$a_$ 1")
    features["base"] = features["porosity"]
    features.to_csv(table, index=False)
    stated.to_csv(manifest, index=False)
    request = request_for(table, manifest, permutations=0, bootstraps=0)
    result_files.write(fit(request), tmp_path / "o", [])
    with pytest.raises(FeatureTableError, match="'base' has a name that the results use"):
        fit(request_for(table, manifest, features=("base", "porosity")))


def test_a_learning_curve_has_fewer_groups_than_there_are(fitted: Fit) -> None:
    curve = fitted.learning_curve
    assert all(1 < size < N_GROUPS - 1 for size in curve)
    assert all(least <= middle <= most for least, middle, most in curve.values())


def test_the_commands_from_a_table_to_a_prediction(
    tmp_path: Path, quick_models: None, capsys: pytest.CaptureFixture[str]
) -> None:
    table, manifest = made_up_table(tmp_path)
    asked = ["fit", str(table), "--manifest", str(manifest), "--target", "conductivity_S_per_cm"]
    asked += ["--group", "sintering_schedule", "-o", str(tmp_path / "fit"), "-j", "1"]
    assert main([*asked, "--permutations", "3", "--bootstraps", "3"]) == 0
    told = capsys.readouterr().out
    assert "groups left out" in told
    assert str(tmp_path / "fit") in told
    assert main(asked) == 2
    assert "exists already" in capsys.readouterr().err
    predicted = ["predict", str(table), "--model", str(tmp_path / "fit" / "model"), "-o", str(tmp_path / "p.csv")]
    assert main(predicted) == 0
    assert "no flag tells" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "p.csv")) == N_GROUPS * EACH
    assert main([*predicted[:-1], str(tmp_path / "q.csv"), "--level", "0.95"]) == 2
    assert "8 groups allow at most" in capsys.readouterr().err
