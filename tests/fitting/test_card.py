"""The card says what the scores and the schema say, the honest number first."""

import json

import pytest

from micro_features.files.artefacts import OPEN_PART
from micro_features.fitting import property_model
from micro_features.fitting.card import WAYS, card, in_pixel_scales, said_score, span


@pytest.fixture(scope="session")
def stored(fitted, tmp_path_factory):
    """Schema, scores and card of the made-up model."""
    folder = tmp_path_factory.mktemp("card") / "m"
    property_model.save(fitted, folder)
    text = (folder / "card.md").read_text(encoding="utf-8")
    return *(json.loads((folder / name).read_text()) for name in ("schema.json", "scores.json")), text


def test_the_honest_score_comes_first(stored, fitted):
    _, scores, text = stored
    grouped = scores["models"]["xgboost"]["grouped"]["r2"]
    first = f"With whole groups left out: R² {grouped[1]:.2f} [{grouped[0]:.2f}, {grouped[2]:.2f}]"
    assert first in text
    assert text.index(first) < text.index("random split (optimistic)")
    headings = next(line for line in text.splitlines() if line.startswith("|  | "))
    assert [cell.strip() for cell in headings.split("|")[2:-1]] == list(WAYS.values())


def test_everything_that_the_scores_tell_is_there(stored):
    schema, scores, text = stored
    for line in scores["said"]:
        assert f"- {line}" in text
    for name, model in scores["models"].items():
        assert f"| {name} | {said_score(model['grouped']['r2'])} |" in text
    for row in scores["by_group"]:
        assert f"| {row['group']} | {row['n']} | {row['measured']:.3g} | {row['predicted']:.3g} |" in text
    for row in scores["importance"]["cluster"]:
        assert f"| {row['group']} | {100 * row['share']:.0f} % |" in text
    for row in scores["confounders"]:
        assert (f"`{row['name']}`" in text) == (not row["not_usable"])
    for name in schema["boosters"]["model.ubj"]["columns"]:
        assert f"| `{name}` |" in text
    assert f"{scores['reference_r2']['training_mean']:.2f}" in text
    assert schema["training"]["table_sha256"][:12] in text
    assert "allow levels up to 88 %" in text
    assert text.index("fill in who made them") > text.index(OPEN_PART)


def test_tables_are_whole(stored):
    """Every row has as many cells as its heading; a name with a bar breaks none."""
    schema, scores, _ = stored
    scores = json.loads(json.dumps(scores))
    scores["by_group"][0]["group"] = "A|B"
    width = 0
    for line in card(schema, scores).splitlines():
        cells = line.replace("\\|", "").count("|")
        assert not cells or not width or cells == width, line
        width = cells
    assert "| A\\|B |" in card(schema, scores)


def test_limits_follow_from_how_it_was_trained(stored):
    schema, scores, text = stored

    def limits(**changes):
        extraction = schema["extraction"] | changes.pop("extraction", {})
        training = schema["training"] | changes.pop("training", {})
        return card(schema | {"extraction": extraction, "training": training} | changes, scores)

    assert "settings abc123" in text
    assert "8 groups" in text
    assert "polished sections alone" in text
    assert "Surfaces" not in limits(training={"surfaces": {"polished": 32}})
    assert "measured as in training" not in limits(extraction={"settings_digests": []})
    assert "with different settings" in limits(extraction={"settings_digests": ["a", "b"]})
    assert "mean over the pictures of a sample" in limits(training={"of_samples": True})
    assert "grains by ba5" in limits(extraction={"models_digest": {"grains": "ba5"}})
    in_px = {"model.ubj": {**schema["boosters"]["model.ubj"], "columns": ["texture_gradient_cv_2px"]}}
    told = limits(boosters=schema["boosters"] | in_px, extraction={"pixel_um": [0.3, 0.4]})
    assert "1 of its 1 features are measured at scales of pixels of 0.3 to 0.4 µm" in told
    assert "scales of pixels" not in limits(
        boosters={"model.ubj": {**schema["boosters"]["model.ubj"], "columns": ["porosity"]}}
    )


def test_names_of_columns_tell_scales_in_pixels():
    assert in_pixel_scales("texture_scattering_8px_16px")
    assert in_pixel_scales("texture_band_kurtosis_2to4px")
    assert not in_pixel_scales("pore_area_mean_px2")
    assert span((0.375, 0.375)) == "0.375"
    assert span((0.1, 0.375)) == "0.1 to 0.375"
    assert said_score([None, 0.5, None]) == "0.50"
    assert said_score([None, None, None]) == "not defined"
