"""Small drawn pictures whose property their coarseness tells, a feature table that names them, and a fit of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.network import scoring
from micro_features.network.pictures import Geometry
from micro_features.network.train import Request

N_GROUPS, EACH, SIDE = 4, 3, 96
TARGET = "sigma_S_per_cm"


def made_up_set(folder: Path) -> tuple[Path, Path]:
    """features.csv with pictures/ beside it, and fit/: as `extract` and `fit` write them, as far as is read here."""
    rng = np.random.default_rng(0)
    n = N_GROUPS * EACH
    y = np.linspace(-6, -3, n)
    (folder / "pictures").mkdir(parents=True)
    for row in range(n):
        grey = gaussian_filter(rng.normal(size=(SIDE, SIDE + 7)), 1 + row / 4)
        grey = np.clip(128 + 40 * grey / grey.std(), 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(folder / "pictures" / f"p{row:02}.png")
    names = [f"p{row:02}" for row in range(n)]
    # Groups are spread over the whole range, so that leaving one out leaves something to learn from.
    groups = [f"g{row % N_GROUPS}" for row in range(n)]
    pd.DataFrame(
        {
            "micrograph_id": names,
            "path": [f"pictures/{name}.png" for name in names],
            "page": 1,
            "pixel_um": 0.25,
            "pixel_um_source": "user",
            "acquisition_date": [f"2024-01-0{1 + row % 3}" for row in range(n)],
            "porosity": rng.random(n),
            TARGET: 10.0**y,
            "batch": groups,
        }
    ).to_csv(folder / "features.csv", index=False)
    made_up_fit(folder / "fit", names, groups, y)
    return folder / "features.csv", folder / "fit"


def made_up_fit(folder: Path, names: list[str], groups: list[str], y: np.ndarray) -> None:
    folder.mkdir()
    fold = [int(group[1:]) % 2 for group in groups]
    pd.DataFrame({"micrograph_id": names, "group": groups, "fold": fold}).to_csv(folder / "folds.csv", index=False)
    pd.DataFrame(
        {
            "micrograph_id": names,
            f"measured_{TARGET}": 10.0**y,
            f"predicted_{TARGET}": 10.0 ** y[::-1],
            "predicted_grouped_5fold": 10.0 ** (y + 0.1),
        }
    ).to_csv(folder / "predictions.csv", index=False)
    scores = {
        "target": {"name": TARGET, "task": "regression", "log10": True},
        "group": "batch",
        "protocols": {"grouped": {}, "grouped_5fold": {}},
        "explained_model": "xgboost",
        "seed": 0,
        "features": {"assumed_sign": {}},
        "models": {"confounders only": {"grouped_5fold": {"r2": [0.1, 0.2, 0.3]}}},
    }
    (folder / "scores.json").write_text(json.dumps(scores))


def request_for(table: Path, fit: Path, **more: object) -> Request:
    """Two epochs of one seed, windows of 64 px."""
    options = {
        "table": table,
        "fit": fit,
        "data": DatasetRequest(TARGET, "batch", cuts=(1e-5, 2e-4)),
        "geometry": Geometry(64, 32, 2),
        "epochs": 2,
        "batch": 8,
        "seeds": 1,
        "device": "cpu",
        "n_workers": 1,
    }
    return Request(**(options | more))  # type: ignore[arg-type]


@pytest.fixture(scope="session", autouse=True)
def few_exchanges() -> Iterator[None]:
    """A hundredth of a p is fine enough here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "EXCHANGES", 99)
        yield


@pytest.fixture
def drawn(tmp_path: Path) -> tuple[Path, Path]:
    """Table and fit."""
    return made_up_set(tmp_path / "set")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that a training of 2 folds by 2 seeds wrote, below that of its set; not to be changed."""
    from micro_features.network import result_files, train

    folder = tmp_path_factory.mktemp("trained")
    table, fit = made_up_set(folder / "set")
    training = train.train(request_for(table, fit, seeds=2), folder / "out")
    result_files.write(training, folder / "out", ["cnn", "train"])
    return folder / "out"
