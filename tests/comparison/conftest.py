"""Corners of drawn micrographs, their measured features, networks of one epoch on them, and both explained once."""

import dataclasses
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from micro_features.cli import main
from micro_features.comparison import examine, explain, feature_side, random_networks
from micro_features.comparison.asked import Request, dataset_of, jobs_of, layers_of
from micro_features.comparison.examine import Job
from micro_features.comparison.explain import Explained
from micro_features.explain import compare, enrichment
from micro_features.files.artefacts import shipped
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.learn import tabular, validate
from micro_features.learn.network import Architecture
from micro_features.network import cnn_model, result_files, scoring, train
from micro_features.network.pictures import Geometry

TARGET = "sigma_S_per_cm"
SIZE, N_PICTURES = (121, 112), 9  # columns, rows
SAMPLES = ("s0", "s0", *(f"s{row}" for row in range(1, N_PICTURES - 1)))
"""The first two pictures are of one sample; so there are 8 rows."""
GROUPS = ("g0", "g0", "g0", "g1", "g1", "g2", "g2", "g3", "g3")
QUICK = {
    "xgboost": dataclasses.replace(tabular.MODELS["xgboost"], variants=({"max_depth": 2, "rounds": 30},), grows=False)
}


def made_up_set(folder: Path) -> None:
    """pictures/, features.csv as `extract` writes it, and fit/ of it as far as is read here."""
    (folder / "pictures").mkdir(parents=True)
    for number, name in enumerate(("s01a", "s01b", *(f"s{sample:02}a" for sample in range(2, N_PICTURES)))):
        with Image.open(shipped("data", "synthetic", "micrographs", f"{name}.png")) as drawn:
            drawn.crop((0, 0, *SIZE)).save(folder / "pictures" / f"p{number}.png")
    asked = [str(folder / "pictures"), "--pixel-size", "0.125", "-j", "1", "--no-overlays"]
    assert main(["extract", *asked, "-o", str(folder / "features.csv")]) == 0
    told = {TARGET: 10.0 ** (-3 - 0.4 * np.array([int(sample[1:]) for sample in SAMPLES])), "batch": GROUPS}
    table = pd.read_csv(folder / "features.csv", dtype=str).assign(sample_id=SAMPLES)
    pd.concat([table, pd.DataFrame(told)], axis=1).to_csv(folder / "features.csv", index=False)
    made_up_fit(folder / "fit", fold=[int(group[1:]) % 2 for group in GROUPS])


def made_up_fit(folder: Path, *, fold: list[int], target: str = TARGET) -> None:
    folder.mkdir()
    names = [f"p{number}" for number in range(N_PICTURES)]
    pd.DataFrame({"micrograph_id": names, "group": GROUPS, "fold": fold}).to_csv(folder / "folds.csv", index=False)
    samples = list(dict.fromkeys(SAMPLES))
    sigma = 10.0 ** (-3 - 0.4 * np.arange(len(samples)))
    pd.DataFrame({"sample_id": samples, f"measured_{target}": sigma, f"predicted_{target}": sigma}).to_csv(
        folder / "predictions.csv", index=False
    )
    told = {"target": {"name": target, "task": "regression", "log10": True}, "group": "batch", "models": {}}
    told |= {"protocols": {"grouped": {}}}
    (folder / "scores.json").write_text(
        json.dumps({**told, "explained_model": "xgboost", "seed": 0, "features": {"assumed_sign": {}}})
    )
    # What `explain` asks of this model is with which settings its pictures were measured: the defaults.
    shutil.copytree(shipped("models", "llzto-xgboost"), folder / "model")


def one_by_one(ask, x, labels, fill, *, n_permutations, seed):
    """In place of SHAP, which compiles for ten seconds: what each superpixel changes alone."""
    without = [np.where(labels == number, fill, x) for number in range(1, labels.max() + 1)]
    before, *after = ask(np.stack([x, *without]))
    return before - np.array(after), 0.0


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """Few rounds, few questions; a hundredth of a p is fine enough here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "EXCHANGES", 99)
        patch.setattr(train, "Architecture", partial(Architecture, channels=(16, 16, 16), stem_channels=4))
        patch.setattr(feature_side, "MODELS", QUICK)
        patch.setattr(validate, "REPEATS", 1)
        patch.setattr(compare, "agreement", partial(compare.agreement, n_resamples=200))
        patch.setattr(enrichment, "over_samples", partial(enrichment.over_samples, n_resamples=50))
        patch.setattr(examine, "N_SHIFTS", 20)
        patch.setattr(random_networks, "N_UNTRAINED", 2)
        patch.setattr(random_networks, "RANDOM_NETWORKS", 2)
        patch.setattr(examine, "_SUPERPIXELS", 6)
        patch.setattr(examine.superpixels, "superpixel_shap", one_by_one)
        patch.setattr(examine, "_DELETION", {"steps": 2, "n_random": 2})
        yield


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, quick: None) -> Path:
    """Folder of features.csv, pictures/, fit/ and cnn/model (2 folds by 2 seeds); not to be changed."""
    folder = tmp_path_factory.mktemp("made") / "set"
    made_up_set(folder)
    asked = train.Request(
        table=folder / "features.csv",
        fit=folder / "fit",
        data=DatasetRequest(TARGET, "batch", cuts=(1.1e-5, 2e-4)),
        geometry=Geometry(56, 0, 2),
        epochs=1,
        batch=8,
        seeds=2,
        device="cpu",
        n_workers=1,
    )
    result_files.write(train.train(asked, folder / "cnn"), folder / "cnn", ["cnn", "train"])
    return folder


def request_for(made: Path, **more: object) -> Request:
    """One picture is altered, in this process; options by name replace its own."""
    options = {
        "table": made / "features.csv",
        "fit": made / "fit",
        "cnn": str(made / "cnn" / "model"),
        "altered": 1,
        "n_workers": 1,
    }
    return Request(**(options | more))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def jobs(made: Path) -> list[Job]:
    """One for each picture."""
    request = request_for(made)
    model = cnn_model.load(request.cnn)
    dataset = dataset_of(request, model)
    return jobs_of(request, model, dataset, layers_of(request, model, dataset))


@pytest.fixture(scope="session")
def explained(made: Path) -> Explained:
    """All pictures looked at, once."""
    return explain.explain(request_for(made))
