"""Side by side: the same pictures and folds, or nothing; the same causes give agreement, chance gives none."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.errors import FeatureTableError, SettingsError
from micro_features.published import published as command
from micro_features.published.beside import Beside, beside_of, read_explained
from micro_features.published.published import Found
from micro_features.published.samples import GROUPED, IN_SAMPLE

from .conftest import LOG10, NAMES, changed, request_for

MEASURED = "measured_conductivity_S_per_cm"
MODELS = {"at_chance": [], "at_chance_with_all_features": [], "seconds_of_training": 12.0}
MODELS |= {"shap_share_by_phase": {"pore": 0.6, "grain": 0.4}}
PRIMARY = {"verdict": "agree", "reasons": ["some"]}
PRIMARY |= {"by_phase": {phase: {"low": 0.1, "value": 0.5, "high": None} for phase in ("pore", "boundary")}}


@pytest.fixture
def explained(tmp_path: Path) -> Path:
    """As `explain` writes it: features are right everywhere, the network says the highest."""
    rng, sigma = np.random.default_rng(0), 10.0**LOG10
    columns = {name: rng.normal(size=len(NAMES)) for name in ("lean_pore", "lean_boundary", "shap_pore")}
    pd.DataFrame(
        {"id": NAMES, MEASURED: sigma, "predicted_by_network": sigma.max(), "predicted_by_features": sigma}
        | columns
        | {"shap_grain_structure": 0.0}
    ).to_csv(tmp_path / "rows.csv", index=False)
    pd.DataFrame({"micrograph_id": NAMES, "row": NAMES}).to_csv(tmp_path / "pictures.csv", index=False)
    (tmp_path / "comparison.json").write_text(json.dumps({"models": MODELS, "primary": PRIMARY}))
    return tmp_path


def beside(found: Found, folder: Path, *, p: float = 0.01, fit: Path | None = None) -> Beside:
    scores = found.scores[GROUPED]
    scores = scores | {stage: scores[stage] | {"exchange_p": p} for stage in ("tree", "steps")}
    told = read_explained(folder, found.samples.dataset)
    return beside_of(told, found.samples, found.answers[GROUPED], scores, found.answer, {GROUPED: 3.0}, fit)


def test_accuracies_of_the_classes_that_numbers_fall_in(found, explained):
    (explained / "scores.json").write_text('{"seconds": 7}')
    table = beside(found, explained, fit=explained).methods.set_index("method")
    assert table.loc["XGBoost with SHAP", "accuracy"] == 1
    assert table.loc["CNN with Grad-CAM", "accuracy"] == 0.5  # all high, as half of them are
    assert table.loc["CNN with Grad-CAM", "balanced"] == 0.5
    tree = next(name for name in table.index if "tree" in name)
    assert table.loc[tree, "accuracy"] == pytest.approx(found.scores[GROUPED]["tree"]["accuracy"][1])
    assert table["seconds"].dropna().tolist() == [3, 7, 12]


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
    at_chance = beside(found, explained, p=0.5).agreements
    ours = at_chance[at_chance["one"].str.startswith("published")]
    assert ours["value"].isna().all()
    assert ours["said"].str.contains("no better than chance").all()


def test_pictures_that_were_explained_together_are_compared_together(found, explained):
    rows = pd.read_csv(explained / "rows.csv")
    changed(explained / "pictures.csv", row=["both", "both", *NAMES[2:]])
    rows.assign(id=["both", *NAMES[1:]]).drop(index=1).to_csv(explained / "rows.csv", index=False)
    with pytest.raises(FeatureTableError, match="not that of these data"):
        read_explained(explained, found.samples.dataset)  # these two are no one sample
    y = found.samples.dataset.y_native.copy()
    y[1] = y[0]
    told = read_explained(explained, dataclasses.replace(found.samples.dataset, y_native=y))
    assert told.row[0] == told.row[1]
    assert len(set(told.row.tolist())) == len(NAMES) - 1


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


def test_a_fit_without_scores_has_no_run_time(found, explained, tmp_path):
    table = beside(found, explained, fit=tmp_path / "nowhere").methods.set_index("method")
    assert np.isnan(table.loc["XGBoost with SHAP", "seconds"])
