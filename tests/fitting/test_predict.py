"""Tables and pictures that a model may be asked about, and those it may not: the difference is named."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features import runs
from micro_features.batch import Failure
from micro_features.errors import ArtefactError, FeatureTableError, OutputError
from micro_features.fitting import property_model
from micro_features.fitting.fit import Fit
from micro_features.fitting.predict import OUTSIDE_SETTINGS, Request, predict, training_settings
from micro_features.learn.tabular import MODELS, Problem
from micro_features.learn.validate import Choice, fit_chosen
from micro_features.results import Place
from micro_features.settings import Settings

MODELS_DIGEST = {"pores": "f00", "grains": "ba5"}
DEFAULT = Settings()
OTHER = Settings().updated({"pores.threshold": 0.4, "grains.merge_level": 0.3, "reading.max_pixels": 10_000})
PREDICTED = "predicted_conductivity_S_per_cm"


def provenance(folder: Path, settings: Settings = DEFAULT, **changes: object) -> None:
    told = {
        "settings_digest": settings.digest,
        "settings": settings.model_dump(mode="json"),
        "settings_of_earlier_rows": {},
        "models_digest": MODELS_DIGEST,
        "inputs_sha256": {},
    }
    (folder / "provenance.json").write_text(json.dumps(told | changes))


@pytest.fixture(scope="session")
def measured(fitted: Fit) -> pd.DataFrame:
    """Features as `extract` writes them, with the default settings."""
    table = pd.read_csv(fitted.request.table)
    return table.assign(settings_digest=Settings().digest, pixel_um=0.375)


@pytest.fixture(scope="session")
def model(fitted: Fit, measured: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The model of the fit, as if of pictures measured with the default settings."""
    folder = tmp_path_factory.mktemp("predict")
    measured.to_csv(folder / "features.csv", index=False)
    provenance(folder)
    return saved(fitted, folder / "features.csv", folder / "m")


def saved(fitted: Fit, table: Path, folder: Path, **changes: object) -> str:
    told = pd.read_csv(table)
    digests = tuple(told["settings_digest"].unique()) if "settings_digest" in told else ()
    confounders = fitted.dataset.confounders
    if "pixel_um" in told:
        confounders = confounders.assign(pixel_um=told["pixel_um"].to_numpy())
    dataset = dataclasses.replace(fitted.dataset, settings_digests=digests, confounders=confounders, **changes)
    # As if of other pictures: rows of the training are marked.
    members = {f"old {name}": pictures for name, pictures in dataset.members.items()}
    dataset = dataclasses.replace(dataset, ids=tuple(members), members=members)
    request = dataclasses.replace(fitted.request, table=table)
    property_model.save(dataclasses.replace(fitted, dataset=dataset, request=request), folder)
    return str(folder)


def asked(folder: Path, table: pd.DataFrame, model: str, **options: object):
    table.to_csv(folder / "new.csv", index=False)
    return predict(Request((folder / "new.csv",), model, **options))


def test_a_table_is_predicted_row_by_row(tmp_path, measured, model, fitted):
    result = asked(tmp_path, measured, model)
    table = result.table
    assert list(table.columns) == [
        "micrograph_id",
        PREDICTED,
        "interval_low",
        "interval_high",
        "level",
        "in_domain",
        "domain_distance_over_limit",
        "range",
        "warning",
    ]
    assert table["micrograph_id"].tolist() == list(fitted.dataset.ids)
    np.testing.assert_allclose(np.log10(table[PREDICTED]), fitted.final.predict(fitted.dataset.X.to_numpy(float)))
    assert (table["interval_low"] < table[PREDICTED]).all()
    assert (table[PREDICTED] < table["interval_high"]).all()
    assert (table["warning"] == "").all()
    lines = list(result.lines())
    assert "with whole groups left out" in lines[0]
    assert any(line.startswith("  p00: ") and "S/cm (80 %: " in line for line in lines)


def test_order_of_columns_and_other_columns_do_not_matter(tmp_path, measured, model):
    one = asked(tmp_path, measured, model).table
    other = asked(tmp_path, measured[sorted(measured, reverse=True)].assign(extra="x"), model).table
    pd.testing.assert_frame_equal(one, other)


def test_missing_columns_are_named(tmp_path, measured, model):
    with pytest.raises(FeatureTableError, match=r"1 of the \d columns that .*m needs are missing: porosity; measure"):
        asked(tmp_path, measured.drop(columns="porosity"), model)


@pytest.mark.parametrize("kept", [True, False])
def test_lengths_in_pixels_are_not_taken_for_micrometres(tmp_path, measured, fitted, kept):
    """Whether the table has pixels for all its pictures, or for some of them."""
    measured.to_csv(tmp_path / "features.csv", index=False)
    name = saved(with_all_columns(fitted), tmp_path / "features.csv", tmp_path / "m")
    px = measured["pore_area_mean_um2"].where(measured.index == 3) if kept else measured["pore_area_mean_um2"]
    um = measured["pore_area_mean_um2"].where(measured.index != 3)
    table = measured.assign(pore_area_mean_px2=px, pore_area_mean_um2=um)
    if kept:
        told = r"'pore_area_mean_um2' is empty and 'pore_area_mean_px2' is filled in 1 rows \(p03\)"
    else:
        table = table.drop(columns="pore_area_mean_um2")
        told = r"pore_area_mean_um2 \(there is pore_area_mean_px2, in other units\)"
    with pytest.raises(FeatureTableError, match=told):
        asked(tmp_path, table, name)


def with_all_columns(fitted: Fit) -> Fit:
    """Asks for every feature."""
    X = fitted.dataset.X.to_numpy(float)
    choice = Choice("all", tuple(range(X.shape[1])), {"max_depth": 2, "rounds": 3}, 0.0)
    final = fit_chosen(MODELS["xgboost"], X, fitted.dataset.y, choice, Problem())
    return dataclasses.replace(fitted, final=final)


def test_other_settings_are_named_with_both_values(tmp_path, measured, model):
    provenance(tmp_path, OTHER)
    table = measured.assign(settings_digest=OTHER.digest)
    with pytest.raises(FeatureTableError) as refusal:
        asked(tmp_path, table, model)
    told = str(refusal.value)
    assert "all rows" in told
    assert "pores.threshold is 0.4, in training 0.5" in told
    assert "grains.merge_level is 0.3, in training 0.25" in told
    assert "max_pixels" not in told
    assert "\n" not in told
    (tmp_path / "provenance.json").unlink()
    with pytest.raises(FeatureTableError, match="which settings differ is not known"):
        asked(tmp_path, table, model)


def test_settings_of_earlier_rows_and_of_tables_with_a_name_are_found(tmp_path, measured, model):
    (tmp_path / "new_files").mkdir()
    provenance(tmp_path / "new_files", settings_of_earlier_rows={OTHER.digest: OTHER.model_dump(mode="json")})
    digests = [OTHER.digest if row in (2, 5) else Settings().digest for row in range(len(measured))]
    with pytest.raises(FeatureTableError, match=r"2 rows \(p02, p05\): .*pores\.threshold is 0\.4"):
        asked(tmp_path, measured.assign(settings_digest=digests), model)


def test_a_table_that_does_not_tell_its_settings_is_refused(tmp_path, measured, model):
    with pytest.raises(FeatureTableError, match="all rows: no settings_digest"):
        asked(tmp_path, measured.drop(columns="settings_digest"), model)
    some = measured["settings_digest"].where(measured.index != 4)
    with pytest.raises(FeatureTableError, match=r"1 rows \(p04\): no settings_digest"):
        asked(tmp_path, measured.assign(settings_digest=some), model)


def test_other_segmentation_weights_are_named(tmp_path, measured, model):
    provenance(tmp_path, models_digest={"pores": "f00", "grains": "0ff"})
    with pytest.raises(FeatureTableError, match=r"their grains were found by other weights \(0ff\).*\(ba5\)"):
        asked(tmp_path, measured, model)
    provenance(tmp_path)
    assert len(asked(tmp_path, measured, model).table) == len(measured)


def test_weights_of_a_later_run_say_nothing_of_rows_of_an_earlier_one(tmp_path, measured, model):
    earlier = {DEFAULT.digest: DEFAULT.model_dump(mode="json")}
    provenance(tmp_path, OTHER, settings_of_earlier_rows=earlier, models_digest={"pores": "0ff", "grains": "0ff"})
    assert (asked(tmp_path, measured, model).table["warning"] == "").all()


def test_other_settings_may_be_predicted_and_are_marked(tmp_path, measured, model):
    digests = [OTHER.digest if row < 3 else Settings().digest for row in range(len(measured))]
    table = asked(tmp_path, measured.assign(settings_digest=digests), model, check_settings=False).table
    assert table["warning"].tolist() == [OUTSIDE_SETTINGS] * 3 + [""] * (len(measured) - 3)
    pd.testing.assert_series_equal(table[PREDICTED], asked(tmp_path, measured, model).table[PREDICTED])


def test_a_model_of_a_table_of_other_origin_asks_for_no_settings(tmp_path, measured, fitted):
    plain = measured.drop(columns=["settings_digest", "pixel_um"])
    plain.to_csv(tmp_path / "by_hand.csv", index=False)
    model = saved(fitted, tmp_path / "by_hand.csv", tmp_path / "m")
    assert (asked(tmp_path, plain, model).table["warning"] == "").all()
    renamed = plain.rename(columns={"micrograph_id": "name"})
    assert len(asked(tmp_path, renamed, model, id_column="name").table) == len(plain)
    with pytest.raises(ArtefactError, match="was trained on a table of numbers"):
        training_settings(property_model.load(model))


def test_infinite_values_and_text_are_refused(tmp_path, measured, model):
    for bad, told in (("inf", "infinite"), ("high", "not a number")):
        cells = measured["porosity"].astype(object)
        cells.iloc[2] = bad
        with pytest.raises(FeatureTableError, match=rf"'porosity' holds .* in row 'p02', {told}"):
            asked(tmp_path, measured.assign(porosity=cells), model)


def test_missing_values_are_told_and_rows_without_any_get_nothing(tmp_path, measured, model, fitted):
    table = measured.copy()
    table.loc[1, list(fitted.dataset.X.columns)] = np.nan
    table.loc[2, "porosity"] = np.nan
    got = asked(tmp_path, table, model)
    rows = got.table
    assert rows["warning"][1].endswith("no prediction")
    assert np.isnan(rows[PREDICTED][1])
    assert "porosity" in rows["warning"][2]
    assert (rows["warning"].drop([1, 2]) == "").all()
    assert any(line == f"  p01: {rows['warning'][1]}" for line in got.lines())


def test_another_magnification_is_told_where_features_hang_on_it(tmp_path, measured, fitted):
    measured.to_csv(tmp_path / "features.csv", index=False)
    model = saved(with_all_columns(fitted), tmp_path / "features.csv", tmp_path / "m")
    sizes = [0.1, np.nan, 0.38, *[0.375] * (len(measured) - 3)]
    warned = asked(tmp_path, measured.assign(pixel_um=sizes), model).table["warning"]
    assert warned[0] == "other magnification: pixel 0.1 µm, in training 0.375 µm"
    assert warned[1] == "pixel size not known; in training 0.375 µm"
    assert (warned[2:] == "").all()


def test_a_table_is_written_once(tmp_path, measured, model):
    output = tmp_path / "predictions.csv"
    result = asked(tmp_path, measured, model, output=output)
    assert result.written == output
    np.testing.assert_allclose(pd.read_csv(output)[PREDICTED], result.table[PREDICTED])
    with pytest.raises(OutputError, match="exists"):
        asked(tmp_path, measured, model, output=output)


def test_one_table_or_pictures(tmp_path, measured, model):
    measured.to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(FeatureTableError, match="name one table, or pictures"):
        predict(Request((tmp_path / "a.csv", tmp_path / "p.tif"), model))


class Extracted:
    """Stands for `runs.run`: writes features as if pictures had been measured."""

    def __init__(self, table: pd.DataFrame, failures: tuple[Failure, ...] = ()):
        self.table, self.failures = table, failures

    def __call__(self, command, paths, output, settings, **options):
        self.command, self.paths, self.settings, self.options = command, paths, settings, options
        output.mkdir(exist_ok=True)
        self.table.to_csv(output / "features.csv", index=False)
        provenance(output, settings)
        return runs.Summary(Place(output, command), done=len(self.table), failures=list(self.failures))


@pytest.fixture
def today(monkeypatch):
    """The segmentation models of today, as `pipeline.models_used` finds them."""
    used = dict(MODELS_DIGEST)
    monkeypatch.setattr("micro_features.pipeline.models_used", lambda settings: used)
    return used


def test_pictures_are_measured_with_the_settings_of_the_training(tmp_path, measured, fitted, monkeypatch, today):
    table = tmp_path / "features.csv"
    measured.assign(settings_digest=OTHER.digest).to_csv(table, index=False)
    provenance(tmp_path, OTHER)
    model = saved(fitted, table, tmp_path / "m")
    failure = Failure("bad.tif", "read", "no picture")
    extracted = Extracted(measured.iloc[:2].assign(settings_digest=OTHER.digest), (failure,))
    monkeypatch.setattr(runs, "run", extracted)
    result = predict(Request((Path("a.tif"), Path("bad.tif")), model, output=tmp_path / "o", pixel_um=0.4))
    assert extracted.command == "extract"
    assert extracted.settings == OTHER
    assert extracted.options["pixel_um"] == 0.4
    assert result.table["micrograph_id"].tolist() == ["p00", "p01"]
    assert result.failures == [failure]
    assert any("no picture" in line for line in result.lines())
    assert pd.read_csv(tmp_path / "o" / "predictions.csv")["micrograph_id"].tolist() == ["p00", "p01"]


def test_nothing_measured_is_nothing_predicted(tmp_path, measured, model, monkeypatch, today):
    failure = Failure("bad.tif", "read", "no picture")
    monkeypatch.setattr(runs, "run", Extracted(measured.iloc[:0], (failure,)))
    result = predict(Request((Path("bad.tif"),), model, output=tmp_path / "o"))
    assert len(result.table) == 0
    assert result.failures == [failure]
    assert list(result.lines())


def test_pictures_are_not_measured_by_other_segmentation_models(tmp_path, measured, model, monkeypatch, today):
    today["grains"] = "0ff"
    extracted = Extracted(measured)
    monkeypatch.setattr(runs, "run", extracted)
    with pytest.raises(ArtefactError, match=r"m: grains .* by weights ba5, here boundary-xgboost has 0ff"):
        predict(Request((Path("a.tif"),), model, output=tmp_path / "o"))
    assert not (tmp_path / "o").exists()


def test_pictures_need_known_settings(tmp_path, measured, fitted, model, today):
    known = property_model.load(model)
    extraction = known.extraction
    for changes, told in (
        ({"settings": None}, "are not known to this version"),
        ({"settings_digests": ("other",)}, "are not known to this version"),
        ({"settings_digests": (Settings().digest, "other")}, "measured with different settings"),
    ):
        changed = dataclasses.replace(known, extraction=dataclasses.replace(extraction, **changes))
        with pytest.raises(ArtefactError, match=told):
            training_settings(changed)
    assert training_settings(known) == Settings()


def test_pictures_need_a_folder_that_is_theirs(tmp_path, model, today):
    for output in (None, tmp_path / "p.csv"):
        with pytest.raises(OutputError, match="name a folder"):
            predict(Request((Path("a.tif"),), model, output=output))
    (tmp_path / "fitted").mkdir()
    (tmp_path / "fitted" / "predictions.csv").write_text("mine")
    with pytest.raises(OutputError, match="was not written by"):
        predict(Request((Path("a.tif"),), model, output=tmp_path / "fitted"))


def test_why_is_told_on_demand(tmp_path, measured, model):
    folder = tmp_path / "why"
    result = asked(tmp_path, measured.head(2), model, explain=folder)
    told = pd.read_csv(folder / "attributions.csv")
    assert told["micrograph_id"].tolist() == measured["micrograph_id"].head(2).tolist()
    np.testing.assert_allclose(told["sum"], np.log10(result.table[PREDICTED]), atol=1e-4)
    np.testing.assert_allclose(
        told["base"] + told.drop(columns=["micrograph_id", "base", "sum"]).sum(axis=1), told["sum"]
    )
    assert {path.name for path in (folder / "figures").iterdir()} == {
        f"waterfall_{row:02}_{name}.{suffix}"
        for row, name in enumerate(told["micrograph_id"], start=1)
        for suffix in ("png", "svg", "pdf")
    }
    with pytest.raises(OutputError, match="exists already"):
        asked(tmp_path, measured.head(2), model, explain=folder)


def test_a_training_row_is_told_from_a_prediction(tmp_path, measured, model):
    own = measured.head(2)
    own.assign(micrograph_id=[f"old {name}" for name in own["micrograph_id"]]).to_csv(tmp_path / "own.csv", index=False)
    result = predict(Request((tmp_path / "own.csv",), model))
    assert result.table["warning"].tolist() == ["named as a training row: it was fitted, not foretold"] * 2
    assert any("no flag tells" in line for line in result.lines())
