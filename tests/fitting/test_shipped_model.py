"""The model that ships: it loads, knows the table that ships, and measures as the program does today."""

import numpy as np
import pandas as pd
import pytest

from micro_features import pipeline
from micro_features.errors import FeatureTableError
from micro_features.files.artefacts import shipped
from micro_features.fitting.predict import Request, predict
from micro_features.fitting.property_model import PropertyModel, load
from micro_features.settings import Settings

TABLE = shipped("data", "llzto", "features.csv")


@pytest.fixture(scope="module")
def model() -> PropertyModel:
    return load("llzto-xgboost")


def test_pictures_are_measured_today_as_they_were_for_its_training(model: PropertyModel) -> None:
    assert model.extraction.settings_digests == (Settings().digest,)
    assert model.extraction.models_digest == pipeline.models_used(Settings())
    assert set(pd.read_csv(TABLE)["settings_digest"]) == {Settings().digest}


def test_it_knows_the_pictures_it_was_trained_on(model: PropertyModel) -> None:
    table = predict(Request((TABLE,), "llzto-xgboost")).table
    measured = np.log10(pd.read_csv(TABLE)["conductivity_S_per_cm"])
    error = np.abs(np.log10(table["predicted_conductivity_S_per_cm"]) - measured)
    assert error.mean() < 0.15
    assert ((table["interval_low"] <= 10**measured) & (10**measured <= table["interval_high"])).mean() > 0.8
    assert table["in_domain"].mean() > 0.9


def test_its_card_puts_the_honest_score_first_and_names_its_limits(model: PropertyModel) -> None:
    card = (shipped("models", "llzto-xgboost") / "card.md").read_text(encoding="utf-8")
    low, value, high = model.scores["models"]["xgboost"]["grouped"]["r2"]
    assert f"R² {value:.2f} [{low:.2f}, {high:.2f}]" in card.split("random split")[0]
    assert "no flag tells" in card
    assert "fill in" not in card


def test_a_table_measured_with_other_settings_is_refused(model: PropertyModel, tmp_path) -> None:
    other = pd.read_csv(TABLE).assign(settings_digest="0123456789ab")
    other.to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(FeatureTableError, match="settings"):
        predict(Request((tmp_path / "other.csv",), "llzto-xgboost"))
