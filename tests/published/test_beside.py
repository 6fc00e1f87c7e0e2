"""Side by side: the same pictures and folds, or nothing; the same causes give agreement, chance gives none."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.errors import FeatureTableError, SettingsError
from micro_features.published import published as command
from micro_features.published.beside import Beside, Explained, beside_of, check_same_fit, read_explained
from micro_features.published.published import Found
from micro_features.published.samples import GROUPED, IN_SAMPLE

from .conftest import LOG10, NAMES, changed, request_for

MEASURED = "measured_conductivity_S_per_cm"
MODELS = {"at_chance": [], "at_chance_with_all_features": [], "seconds_of_training": 12.0}
MODELS |= {"network": {"network": {"class_accuracy": [0.5, 0.75, None]}}}
MODELS |= {"shap_share_by_phase": {"pore": 0.6, "grain": 0.4}}
PRIMARY = {"verdict": "agree", "reasons": ["some"]}
PRIMARY |= {"by_phase": {phase: {"low": 0.1, "value": 0.5, "high": None} for phase in ("pore", "boundary")}}


@pytest.fixture
def explained(tmp_path: Path) -> Path:
    """As `explain` writes it: features are right everywhere, pores and grains of the low, the network of the high."""
    rng, sigma = np.random.default_rng(0), 10.0**LOG10
    columns = {name: rng.normal(size=len(NAMES)) for name in ("lean_pore", "lean_boundary", "shap_pore")}
    pd.DataFrame(
        {"id": NAMES, MEASURED: sigma, "predicted_by_network": sigma.max(), "predicted_by_features": sigma}
        | {"predicted_by_structure": sigma.min()}
        | columns
        | {"shap_grain_structure": 0.0}
    ).to_csv(tmp_path / "rows.csv", index=False)
    pd.DataFrame({"micrograph_id": NAMES, "row": NAMES}).to_csv(tmp_path / "pictures.csv", index=False)
    (tmp_path / "comparison.json").write_text(json.dumps({"models": MODELS, "primary": PRIMARY}))
    return tmp_path


def beside(found: Found, folder: Path, *, against: Sequence[str] = (), told: Explained | None = None) -> Beside:
    scores = found.scores[GROUPED] | {"against_the_answer": list(against)}
    told = told or read_explained(folder, found.samples.dataset)
    return beside_of(told, found.samples, found.answers[GROUPED], scores, found.answer, {GROUPED: 3.0}, folder)


def test_accuracies_of_the_classes_that_numbers_fall_in(found, explained):
    (explained / "scores.json").write_text('{"seconds": 7}')
    table = beside(found, explained).methods.set_index("method")
    assert table.loc["XGBoost with SHAP", "accuracy"] == 1
    assert table.loc["XGBoost, pores and grains", "accuracy"] == 0.5  # all low, as half of them are
    assert table.loc["CNN with Grad-CAM", "accuracy"] == 0.5  # all high
    assert table.loc["CNN with Grad-CAM", "balanced"] == 0.5
    own = table.loc["CNN with Grad-CAM, its own classes"]
    assert own[["accuracy_low", "accuracy"]].tolist() == [0.5, 0.75]
    assert own[["accuracy_high", "balanced", "balanced_low"]].isna().all()
    for stage, named in (("tree", "published method: tree of words"), ("steps", "published method: logistic steps")):
        for metric, short in (("accuracy", "accuracy"), ("balanced_accuracy", "balanced")):
            ends = table.loc[named, [f"{short}_low", short, f"{short}_high"]].tolist()
            assert ends == pytest.approx(found.scores[GROUPED][stage][metric])
    assert set(found.references) <= set(table.index)
    assert table["seconds"].dropna().tolist() == [3, 7, 12]


def test_networks_classes_are_known_for_all_pictures_or_none(found, explained):
    """Where some pictures have no answer, one number for all would be of others."""
    steps = found.first.pictures["steps"].copy()
    steps[0] = np.nan
    some = dataclasses.replace(found.first, pictures=found.first.pictures | {"steps": steps})
    table = beside(dataclasses.replace(found, answers={GROUPED: some}), explained).methods
    assert "CNN with Grad-CAM, its own classes" not in set(table["method"])
    assert beside(found, explained).methods.shape[0] == len(table) + 1
    changed_models(explained, network={"network": {}})
    assert "CNN with Grad-CAM, its own classes" not in set(beside(found, explained).methods["method"])


def changed_models(explained: Path, **more: object) -> None:
    (explained / "comparison.json").write_text(json.dumps({"models": MODELS | more, "primary": PRIMARY}))


def test_causes_that_are_the_same_agree_and_those_at_chance_say_nothing(found, explained):
    phases, values = found.samples.parameters.phases, found.answer.attributions.values
    names = found.answer.attributions.names
    pores = values[:, [phases[name] == "pore" for name in names]].sum(axis=1)
    assert np.ptp(pores) > 0
    changed(explained / "rows.csv", shap_pore=pores, lean_pore=-pores)
    table = beside(found, explained).agreements
    ours = table[(table["phase"] == "pore") & (table["one"].str.startswith("published"))]
    assert ours["value"].tolist() == pytest.approx([1, -1])
    grains = table[(table["phase"] == "grain structure") & (table["one"].str.startswith("published"))].iloc[0]
    assert "not meaningful: one of them attributes nothing to it" in grains["said"]
    own = table[~table["one"].str.startswith("published")]
    assert (own["value"] == 0.5).all()
    assert own["high"].isna().all()
    at_chance = beside(found, explained, against=["the tree is a coin"]).agreements
    ours = at_chance[at_chance["one"].str.startswith("published")]
    assert ours["value"].isna().all()
    assert (ours["said"] == "not meaningful: the tree is a coin").sum() == len(ours)


def test_pictures_without_a_lean_do_not_count(found, explained):
    phases, values = found.samples.parameters.phases, found.answer.attributions.values
    pores = values[:, [phases[name] == "pore" for name in found.answer.attributions.names]].sum(axis=1)
    changed(explained / "rows.csv", lean_pore=[*[None] * 5, *pores[5:]], shap_pore=[None] * len(NAMES))
    table = beside(found, explained).agreements.set_index(["one", "other", "phase"])
    assert table.loc[("published", "Grad-CAM", "pore"), "value"] == pytest.approx(1)
    assert table.loc[("published", "SHAP", "pore"), "said"] == "not meaningful: one of them attributes nothing to it"


def test_pictures_that_were_explained_together_are_compared_together(found, explained):
    rows, alone = pd.read_csv(explained / "rows.csv"), read_explained(explained, found.samples.dataset)
    changed(explained / "pictures.csv", row=["both", "both", *NAMES[2:]])
    rows.assign(id=["both", *NAMES[1:]]).drop(index=1).to_csv(explained / "rows.csv", index=False)
    with pytest.raises(FeatureTableError, match="not that of these data"):
        read_explained(explained, found.samples.dataset)  # these two are no one sample
    y = found.samples.dataset.y_native.copy()
    y[1] = y[0]
    told = read_explained(explained, dataclasses.replace(found.samples.dataset, y_native=y))
    assert told.row[0] == told.row[1]
    assert len(set(told.row.tolist())) == len(NAMES) - 1
    # One answer of the published method for both: the mean of its probabilities, and of its attributions.
    pictures = {stage: given.copy() for stage, given in found.first.pictures.items()}
    first = found.samples.dataset.classes[0]
    right, wrong = np.eye(2)[first], np.eye(2)[1 - first]
    pictures["tree"][:] = np.eye(2)[found.samples.dataset.classes]
    for both, accuracy in (
        ((0.9 * right + 0.1 * wrong, 0.4 * right + 0.6 * wrong), 1),
        ((0.6 * right + 0.4 * wrong, 0.1 * right + 0.9 * wrong), 1 - 1 / (len(NAMES) - 1)),
    ):
        pictures["tree"][:2] = both
        some = dataclasses.replace(found, answers={GROUPED: dataclasses.replace(found.first, pictures=pictures)})
        side = beside(some, explained, told=told)
        tree = side.methods.set_index("method").loc["published method: tree of words"]
        assert tree["accuracy"] == pytest.approx(accuracy)
        assert f"{len(NAMES)} pictures, {len(NAMES) - 1} rows" in side.notes[1]
    assert "Pictures of one sample" not in beside(found, explained, told=alone).notes[1]


def test_what_is_not_of_these_pictures_is_refused(found, explained):
    dataset = found.samples.dataset

    def refused(*words: str) -> None:
        with pytest.raises(FeatureTableError) as caught:
            read_explained(explained, dataset)
        assert all(word in str(caught.value) for word in (str(explained), *words))
        assert "\n" not in str(caught.value)

    changed(explained / "pictures.csv", micrograph_id=["other", *NAMES[1:]])
    refused("explains 24 pictures, these data are 24", "explain the same table")
    changed(explained / "pictures.csv", micrograph_id=NAMES)
    changed(explained / "rows.csv", **{MEASURED: 2 * 10.0**LOG10})
    refused("rows.csv", MEASURED, "run `explain` anew")
    changed(explained / "rows.csv", shap_pore=None)
    refused("rows.csv", "no column 'shap_pore'")
    (explained / "comparison.json").write_text("{}")
    refused("comparison.json", "is not what `explain` writes")
    (explained / "rows.csv").unlink()
    refused("has no rows.csv", "`explain -o`")


def test_it_asks_for_the_fit_that_was_explained(made, explained, tmp_path):
    request = request_for(made, explained=explained, output=tmp_path / "new")
    with pytest.raises(SettingsError, match="--explained: give --fit"):
        command.published(request)
    request = dataclasses.replace(request, fit=tmp_path, protocols=(IN_SAMPLE,))
    with pytest.raises(SettingsError, match="leave --protocol in-sample away"):
        command.published(request)


def test_a_fit_without_scores_has_no_run_time(found, explained):
    table = beside(found, explained).methods.set_index("method")
    assert np.isnan(table.loc["XGBoost with SHAP", "seconds"])


def fit_of(folder: Path, column: str, predicted: np.ndarray, names: Sequence[str] = NAMES) -> Path:
    folder.mkdir(exist_ok=True)
    pd.DataFrame({"micrograph_id": names, column: predicted}).to_csv(folder / "predictions.csv", index=False)
    return folder


def test_another_fit_than_was_explained_is_refused(found, explained, tmp_path):
    told, sigma, target = read_explained(explained, found.samples.dataset), 10.0**LOG10, "conductivity_S_per_cm"
    for column in ("predicted_grouped_5fold", f"predicted_{target}"):
        check_same_fit(told, fit_of(tmp_path / "fit", column, sigma), target)
        check_same_fit(told, fit_of(tmp_path / "fit", column, 1.0001 * sigma), target)
        for other, names in ((1.01 * sigma, NAMES), (sigma, [f"x{name}" for name in NAMES])):
            with pytest.raises(FeatureTableError, match=r"was not made from the fit .*give the fit that was explained"):
                check_same_fit(told, fit_of(tmp_path / "fit", column, other, names), target)
    one = sigma.copy()
    one[-1] *= 2
    with pytest.raises(FeatureTableError, match="whose predictions differ"):
        check_same_fit(told, fit_of(tmp_path / "fit", "predicted_grouped_5fold", one), target)
    with pytest.raises(FeatureTableError, match=rf"no column 'predicted_{target}'; fit anew"):
        check_same_fit(told, fit_of(tmp_path / "fit", "predicted_class", sigma), target)


def test_names_of_digits_are_names(found, explained, tmp_path):
    told = read_explained(explained, found.samples.dataset)
    names = [f"{number:03}" for number in range(len(NAMES))]
    told = dataclasses.replace(told, rows=told.rows.set_axis(names, axis=0))
    check_same_fit(told, fit_of(tmp_path / "fit", "predicted_grouped_5fold", 10.0**LOG10, names), "x")
