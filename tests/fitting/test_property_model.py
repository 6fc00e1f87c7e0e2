"""A model on disk predicts what it predicted when it was fitted, and is refused when it is not whole."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.errors import ArtefactError, OutputError, SettingsError
from micro_features.files.artefacts import write_checked_model
from micro_features.fitting import property_model, uncertainty
from micro_features.fitting.fit import Fit
from micro_features.learn.intervals import distance
from micro_features.learn.tabular import MODELS, Problem
from micro_features.learn.validate import fit_chosen
from micro_features.settings import Settings

from .conftest import EACH, N_GROUPS


@pytest.fixture(scope="session")
def folder(fitted: Fit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model") / "made-up"
    property_model.save(fitted, folder, ["fit", "features.csv"])
    return folder


@pytest.fixture(scope="session")
def model(folder: Path) -> property_model.PropertyModel:
    return property_model.load(str(folder))


def resaved(folder: Path, new: Path, **changes: object) -> Path:
    """The model with other entries in its schema and right checksums."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "checksums.json"}
    schema = json.loads(files["schema.json"]) | changes
    write_checked_model(new, {**files, "schema.json": json.dumps(schema).encode()})
    return new


def test_the_folder_holds_what_it_should(folder, fitted):
    boosters = ["model.ubj", *(f"fold-{i:02}.ubj" for i in range(N_GROUPS))]
    others = ["schema.json", "scores.json", "card.md", "provenance.json", "checksums.json"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(boosters + others)
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["command"] == ["fit", "features.csv"]
    assert provenance["seed"] == 0
    assert "numpy" in provenance["packages"]
    schema = json.loads((folder / "schema.json").read_text())
    assert schema["training"]["ids"] == list(fitted.dataset.ids)
    assert schema["training"]["table_sha256"] == hashlib.sha256(fitted.request.table.read_bytes()).hexdigest()
    assert schema["extraction"] == {
        "settings_digests": ["abc123"],
        "settings": None,
        "models_digest": None,
        "pixel_um": None,
    }


def test_it_predicts_the_same_as_the_fit(model, fitted):
    X = fitted.dataset.X
    got = property_model.predict(model, X.sample(frac=1, axis=1, random_state=0), level=0.8)
    want = fitted.final.predict(X.to_numpy(float))
    np.testing.assert_allclose(np.log10(got["predicted_conductivity_S_per_cm"]), want, rtol=1e-12)
    known = uncertainty.residuals(fitted.dataset, fitted.run, fitted.first.fold)
    low, high = uncertainty.interval(known, fitted.run.models, X.to_numpy(float), 0.8)
    np.testing.assert_allclose(np.log10(got["interval_low"]), low, rtol=1e-8)
    np.testing.assert_allclose(np.log10(got["interval_high"]), high, rtol=1e-8)
    assert (got["level"] == 0.8).all()
    assert list(got.index) == list(fitted.dataset.ids)


def test_columns_are_those_that_some_booster_uses(model, fitted):
    choices = [fitted.final.choice, *fitted.run.choices]
    used = {str(fitted.dataset.X.columns[column]) for choice in choices for column in choice.columns}
    assert set(model.columns) == used
    porosity = next(feature for feature in model.features if feature.name == "porosity")
    column = fitted.dataset.X["porosity"]
    assert porosity == ("porosity", "1", "pore", "", column.min(), column.max(), 0)


def test_rows_far_from_training_are_flagged_and_training_rows_are_not(model, fitted):
    X = fitted.dataset.X.copy()
    inside = property_model.predict(model, X)
    assert inside["in_domain"].all()
    assert (inside["domain_distance_over_limit"] <= 1).all()
    X["porosity"] += np.linspace(0, 1, len(X))
    moved = property_model.predict(model, X)
    away = distance(model.domain, X.to_numpy(float)[:, list(fitted.final.choice.columns)])
    np.testing.assert_allclose(moved["domain_distance_over_limit"], away / model.domain.limit)
    assert moved["in_domain"].tolist() == (away <= model.domain.limit).tolist()
    assert set(moved["in_domain"]) == {True, False}


def test_the_end_of_the_training_range_is_flagged(model, fitted):
    X = fitted.dataset.X.iloc[:2].copy()
    X["porosity"] = [0.02, 0.22]  # conductivity falls with it
    got = property_model.predict(model, X)
    means = np.sort(fitted.dataset.y.reshape(N_GROUPS, EACH).mean(axis=1))
    below = np.log10(got["predicted_conductivity_S_per_cm"]) <= means[:2].mean()
    assert below.tolist() == [False, True]
    assert got["range"].tolist() == ["", "at or below the training range"]


def test_a_row_without_any_feature_gets_no_prediction(model, fitted):
    X = fitted.dataset.X.iloc[:3].copy()
    X.iloc[1] = np.nan
    X.iloc[2, 0] = np.nan
    got = property_model.predict(model, X)
    blank = got.iloc[1]
    assert blank[["predicted_conductivity_S_per_cm", "interval_low", "interval_high"]].isna().all()
    assert not blank["in_domain"]
    assert blank["range"] == ""
    assert np.isfinite(got["predicted_conductivity_S_per_cm"].iloc[[0, 2]]).all()


def test_a_level_that_the_groups_do_not_allow_is_refused(model, fitted):
    with pytest.raises(SettingsError, match="8 groups allow at most 88 %"):
        property_model.predict(model, fitted.dataset.X, level=0.9)


def as_classes(fitted: Fit) -> Fit:
    """The same data, a model of classes; its scores stay those of the regression."""
    problem, data = Problem(2), fitted.dataset
    final = fit_chosen(MODELS["xgboost"], data.X.to_numpy(float), data.classes, fitted.final.choice, problem)
    request = dataclasses.replace(fitted.request, task="classes")
    return dataclasses.replace(fitted, request=request, problem=problem, final=final)


def test_classes_have_probabilities_and_no_intervals(fitted, tmp_path):
    found = as_classes(fitted)
    property_model.save(found, tmp_path / "m")
    model = property_model.load(str(tmp_path / "m"))
    assert not list((tmp_path / "m").glob("fold-*"))
    X = found.dataset.X.copy()
    X.iloc[0] = np.nan
    got = property_model.predict(model, X)
    assert "interval_low" not in got
    assert "range" not in got
    probabilities = got[["probability_low", "probability_high"]].to_numpy(float)
    assert np.isnan(probabilities[0]).all()
    np.testing.assert_allclose(probabilities[1:], found.final.predict(X.to_numpy(float))[1:], rtol=1e-6)
    wanted = np.array(["low", "high"])[probabilities[1:].argmax(axis=1)]
    assert pd.isna(got["predicted_class"].iloc[0])
    assert got["predicted_class"].tolist()[1:] == wanted.tolist()
    assert np.mean(wanted == np.array(["low", "high"])[found.dataset.classes[1:]]) > 0.9


@pytest.mark.parametrize("name", ["model.ubj", "fold-03.ubj", "schema.json", "scores.json", "provenance.json"])
def test_a_changed_file_is_refused_before_it_is_used(folder, tmp_path, name, monkeypatch):
    copy = shutil.copytree(folder, tmp_path / "m")
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    monkeypatch.setattr("xgboost.Booster.load_model", lambda *_: pytest.fail("handed to XGBoost"))
    with pytest.raises(ArtefactError, match=f"{name}: was changed"):
        property_model.load(str(copy))


def test_another_format_and_a_schema_that_is_none_are_refused(folder, tmp_path):
    with pytest.raises(ArtefactError, match="of format 2, this version reads 1"):
        property_model.load(str(resaved(folder, tmp_path / "a", format=2)))
    for number, changes in enumerate(
        ({"features": []}, {"training": {}}, {"domain": {}}, {"boosters": 3}, {"extraction": None}, {"target": {}})
    ):
        with pytest.raises(ArtefactError, match=r"schema\.json"):
            property_model.load(str(resaved(folder, tmp_path / f"b{number}", **changes)))


def test_boosters_that_do_not_fit_the_schema_are_refused(folder, tmp_path):
    schema = json.loads((folder / "schema.json").read_text())
    fewer = {**schema["boosters"], "model.ubj": {**schema["boosters"]["model.ubj"], "columns": ["porosity"]}}
    if len(schema["boosters"]["model.ubj"]["columns"]) > 1:
        with pytest.raises(ArtefactError, match=r"model\.ubj: asks for"):
            property_model.load(str(resaved(folder, tmp_path / "a", boosters=fewer)))
    one_less = {name: told for name, told in schema["boosters"].items() if name != "fold-02.ubj"}
    with pytest.raises(ArtefactError, match="folds do not fit"):
        property_model.load(str(resaved(folder, tmp_path / "b", boosters=one_less)))


def test_weights_that_are_none_are_refused(folder, tmp_path):
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "checksums.json"}
    write_checked_model(tmp_path / "m", {**files, "model.ubj": b"{"})
    with pytest.raises(ArtefactError, match=r"model\.ubj: XGBoost can not read it"):
        property_model.load(str(tmp_path / "m"))


def test_nothing_is_overwritten(folder, fitted):
    with pytest.raises(OutputError, match="exists already"):
        property_model.save(fitted, folder)


def test_the_extraction_is_remembered_where_its_provenance_stands(fitted, tmp_path):
    """Settings, hashes of pictures and of segmentation models come from the provenance beside the table."""
    table = tmp_path / "features.csv"
    shutil.copy(fitted.request.table, table)
    settings = Settings().updated({"pores.threshold": 0.4})
    told = {
        "settings_digest": "abc123",
        "settings": settings.model_dump(mode="json"),
        "settings_of_earlier_rows": {},
        "models_digest": {"pores": "f00"},
        "inputs_sha256": {"pictures/p00.tif": "c0ffee"},
    }
    (tmp_path / "provenance.json").write_text(json.dumps(told))
    dataset = dataclasses.replace(
        fitted.dataset, confounders=pd.DataFrame({"pixel_um": np.linspace(0.3, 0.4, len(fitted.dataset.ids))})
    )
    moved = dataclasses.replace(fitted, request=dataclasses.replace(fitted.request, table=table), dataset=dataset)
    property_model.save(moved, tmp_path / "m")
    found = property_model.load(str(tmp_path / "m")).extraction
    assert found.settings == settings.model_dump(mode="json")
    assert found.models_digest == {"pores": "f00"}
    assert found.pixel_um == (0.3, 0.4)
    (tmp_path / "provenance.json").write_text(json.dumps(told | {"settings_digest": "later"}))
    property_model.save(moved, tmp_path / "later")
    found = property_model.load(str(tmp_path / "later")).extraction
    assert (found.settings, found.models_digest) == (None, None)
    pictures = json.loads((tmp_path / "m" / "schema.json").read_text())["training"]["pictures_sha256"]
    assert pictures["p00"] == "c0ffee"
    assert pictures["p01"] is None


def test_the_same_fit_gives_the_same_files(fitted, folder, tmp_path):
    property_model.save(fitted, tmp_path / "again", ["fit", "features.csv"])
    for name in ("model.ubj", "fold-00.ubj", "schema.json", "card.md", "scores.json"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name
