"""A model of networks on disk: what is read is what was written, and nothing else is taken for it."""

import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from micro_features.errors import ArtefactError
from micro_features.files.artefacts import OPEN_PART
from micro_features.fitting.dataset import read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.network.cnn_model import ask, load
from micro_features.network.pictures import Geometry, network_picture, read_micrograph

from .conftest import TARGET, request_for


@pytest.fixture
def copied(trained, tmp_path):
    shutil.copytree(trained / "model", tmp_path / "model")
    return tmp_path / "model"


def rewritten(folder, name, change):
    """Change a JSON file and its checksum: not an accident, but another program."""
    told = json.loads((folder / name).read_text())
    change(told)
    content = json.dumps(told).encode()
    (folder / name).write_bytes(content)
    sums = json.loads((folder / "checksums.json").read_text())
    sums[name] = hashlib.sha256(content).hexdigest()
    (folder / "checksums.json").write_text(json.dumps(sums))


def test_a_training_leaves_what_it_promises(trained):
    assert sorted(path.name for path in trained.iterdir()) == [
        "figures", "model", "pictures.csv", "predictions.csv", "scores.json",
    ]  # fmt: skip
    assert sorted(path.name for path in (trained / "model").iterdir()) == [
        "card.md", "checksums.json", "fold-0-seed-0.safetensors", "fold-0-seed-1.safetensors",
        "fold-1-seed-0.safetensors", "fold-1-seed-1.safetensors", "provenance.json", "schema.json", "scores.json",
    ]  # fmt: skip
    assert (trained / "scores.json").read_text() == (trained / "model" / "scores.json").read_text()
    rows = pd.read_csv(trained / "predictions.csv")
    np.testing.assert_allclose(rows["predicted_by_feature_model"], rows[f"measured_{TARGET}"] * 10**0.1)
    seeds = np.log10(rows[["predicted_seed_0", "predicted_seed_1"]])
    np.testing.assert_allclose(np.log10(rows[f"predicted_{TARGET}"]), seeds.mean(axis=1))
    card = (trained / "model" / "card.md").read_text(encoding="utf-8")
    assert "association within these imaging sessions" in card
    assert "| date alone |" in card
    assert OPEN_PART in card
    assert str(trained) not in "".join(path.read_text(errors="ignore") for path in (trained / "model").glob("*.json"))
    provenance = json.loads((trained / "model" / "provenance.json").read_text())
    assert {"torch", "safetensors"} <= set(provenance["packages"])


def test_networks_that_were_read_say_what_was_scored(trained):
    model = load(str(trained / "model"))
    assert [(kept.fold, kept.seed) for kept in model.networks] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert model.geometry == Geometry(64, 32, 2)
    told = pd.read_csv(trained / "pictures.csv").set_index("micrograph_id")
    folder = trained.parent / "set"
    dataset = read_dataset(folder / "features.csv", DatasetRequest(TARGET, "batch"))
    for name in ("p00", "p07"):
        micrograph = read_micrograph(folder / dataset.pictures[name].path, pixel_um=0.25)
        answer = ask(model, network_picture(micrograph, model.geometry))
        assert answer.of_training
        assert answer.folds.tolist() == [told.loc[name, "fold"]] * 2
        scored = [told.loc[name, f"predicted_seed_{seed}"] for seed in (0, 1)]
        np.testing.assert_allclose(10 ** answer.windows[:, 0], scored, rtol=1e-8)  # tables hold ten digits
    rows = pd.read_csv(trained / "predictions.csv")
    residual = np.log10(rows[f"measured_{TARGET}"] / rows[f"predicted_{TARGET}"])
    np.testing.assert_allclose(model.known.residual, residual, atol=1e-7)


def test_what_a_training_asked_of_its_table_is_read_back(trained, copied):
    asked = request_for(trained, trained).data
    assert load(str(trained / "model")).data_request(None) == asked
    more = {"where": ["surface=polished"], "features": ["porosity"], "per_micrograph": True, "classes": "folder"}
    rewritten(copied, "schema.json", lambda told: told["rows"].update(more))
    expected = DatasetRequest(
        TARGET,
        "batch",
        trained / "manifest.csv",
        features=("porosity",),
        classes="folder",
        per_micrograph=True,
        where=("surface=polished",),
    )
    assert load(str(copied)).data_request(trained / "manifest.csv") == expected


def test_damage_and_strays_are_named(copied):
    weights = copied / "fold-1-seed-0.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ArtefactError, match=r"fold-1-seed-0\.safetensors: was changed"):
        load(str(copied))
    weights.write_bytes(whole)
    (copied / "fold-2-seed-0.safetensors").write_bytes(whole)
    with pytest.raises(ArtefactError, match=r"fold-2-seed-0\.safetensors: does not belong to the model"):
        load(str(copied))


def test_weights_of_another_architecture_are_refused(copied):
    rewritten(copied, "schema.json", lambda told: told["architecture"].update(channels=[32, 64, 64]))
    with pytest.raises(ArtefactError, match=r"model/fold-0-seed-0\.safetensors: weights of another architecture"):
        load(str(copied))
    rewritten(copied, "schema.json", lambda told: told["architecture"].update(normalised="otherwise"))
    with pytest.raises(ArtefactError, match=r"schema\.json: is not what .*normalised is 'otherwise'"):
        load(str(copied))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda told: told.update(format=1), "is of format 1, this version reads 2"),
        (lambda told: told.pop("geometry"), "not what `cnn train` writes"),
        (lambda told: told["architecture"].update(channels=[320000, 640000]), "none of them more than 1024"),
        (lambda told: told["training"]["folds"].pop(), "not what `cnn train` writes"),
        (lambda told: told["networks"].pop(0) and told["networks"].pop(0), "networks and folds do not fit"),
    ],
)
def test_a_schema_of_something_else_is_refused(copied, change, words):
    rewritten(copied, "schema.json", change)
    with pytest.raises(ArtefactError, match=words):
        load(str(copied))


def test_a_model_of_features_is_not_taken_for_one():
    with pytest.raises(ArtefactError, match="ask it with `micro-features predict`"):
        load("llzto-xgboost")
