"""Small drawn pictures whose coarseness tells their conductivity, a table of them, and the method run on it once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from micro_features.images.windows import window_boxes
from micro_features.learn.draws import times_drawn
from micro_features.published import result_files, scoring
from micro_features.published.one_run import Job
from micro_features.published.published import Found, published
from micro_features.published.samples import GROUPED, IN_SAMPLE, Request, Samples, read_samples
from micro_features.settings import Settings

N_GROUPS, EACH, SIDE = 6, 4, 64
N = N_GROUPS * EACH
SMALL = {
    "words.window_px": 32,
    "words.overlap_px": 16,
    "words.channels": 8,
    "words.epochs": 1,
    "words.batch": 16,
    "words.n_words": 6,
    "words.attempts": 1,
    "words.projected": 100,
    "words.tree_depth": 3,
    "words.draws": 20,
    "words.folds": 3,
}
NAMES = [f"p{row:02}" for row in range(N)]
GROUPS = [f"S{row // EACH}" for row in range(N)]
LOG10 = np.array([-6 + 2 * (row % EACH) / (EACH - 1) + 0.02 * (row // EACH) for row in range(N)])
CLASSES = ["low" if value < -5 else "high" for value in LOG10]
HOSTILE = "<script>alert(1)<script>"
"""A file can not be named with a slash."""


def made_up_set(folder: Path) -> Path:
    """pictures/, features.csv and manifest.csv, in which every group holds both classes; gives `folder`."""
    rng = np.random.default_rng(0)
    (folder / "pictures").mkdir(parents=True)
    for name, value in zip(NAMES, LOG10, strict=True):
        grey = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 7 + value)
        Image.fromarray(np.clip(128 + 40 * grey / grey.std(), 0, 255).astype(np.uint8)).save(
            folder / "pictures" / f"{name}.png"
        )
    pd.DataFrame(
        {
            "micrograph_id": NAMES,
            "path": [f"{name}.png" for name in NAMES],
            "page": 1,
            "pixel_um": 0.25,
            "acquisition_date": [f"2024-01-{1 + row // 8:02}" for row in range(N)],
            "pore_area_mean_um2": 10 + LOG10 + 0.1 * rng.normal(size=N),
            "pore_area_sd_um2": 1 + rng.random(N),
            "pore_number": rng.integers(5, 50, N),
            "grain_area_mean_um2": 1 + rng.random(N),
            "texture_spectrum_slope": rng.random(N),
        }
    ).to_csv(folder / "features.csv", index=False)
    pd.DataFrame(
        {
            "file": [f"{name}.png" for name in NAMES],
            "conductivity_S_per_cm": 10.0**LOG10,
            "conductivity_class": CLASSES,
            "sintering_schedule": GROUPS,
        }
    ).to_csv(folder / "manifest.csv", index=False)
    return folder


def changed(table: Path, **columns: Any) -> None:
    """Columns of a table replaced; None takes one out."""
    read = pd.read_csv(table, dtype=str)
    for name, values in columns.items():
        read = read.drop(columns=name) if values is None else read.assign(**{name: values})
    read.to_csv(table, index=False)


def renamed(folder: Path, row: int, name: str) -> None:
    """Another name for a picture, in the folder, table and manifest."""
    (folder / "pictures" / f"{NAMES[row]}.png").rename(folder / "pictures" / f"{name}.png")
    names = [name if number == row else own for number, own in enumerate(NAMES)]
    changed(folder / "features.csv", micrograph_id=names, path=[f"{each}.png" for each in names])
    changed(folder / "manifest.csv", file=[f"{each}.png" for each in names])


def settings(**more: Any) -> Settings:
    """Small ones; `n_words` stands for ``words.n_words``."""
    return Settings.published().updated(SMALL | {f"words.{name}": value for name, value in more.items()})


def request_for(folder: Path, **more: Any) -> Request:
    """One process; options by name replace its own."""
    options = {
        "pictures": folder / "pictures",
        "manifest": folder / "manifest.csv",
        "features": folder / "features.csv",
        "output": folder / "out",
        "settings": settings(),
        "device": "cpu",
        "n_workers": 1,
    }
    return Request(**(options | more))


def read(folder: Path, **more: Any) -> Samples:
    """What the method is given."""
    return read_samples(request_for(folder, **more), tell=lambda line: None)


def job_for(samples: Samples, request: Request, **more: Any) -> Job:
    """Fold 0 of the samples; what it tells goes into a list."""
    geometry = request.geometry
    options = {
        "name": "fold-0",
        "x": [picture.x for picture in samples.pictures.values()],
        "boxes": [
            window_boxes(picture.x.shape, geometry.window, geometry.step, flush=False)
            for picture in samples.pictures.values()
        ],
        "window": geometry.window,
        "classes": samples.dataset.classes,
        "groups": samples.dataset.groups,
        "n_classes": len(samples.dataset.class_names),
        "y": samples.dataset.y,
        "parameters": samples.parameters.values.to_numpy(float),
        "train": samples.fold != 0,
        "times": times_drawn(samples.dataset.groups, request.settings.words.draws, 0),
        "words": request.settings.words,
        "weights": None,
        "seed": 0,
        "device": "cpu",
        "teller": Heard(),
    }
    return Job(**(options | more))


class Heard(list[object]):
    """A list that messages are put in."""

    def put(self, message: object) -> None:
        """Keep it."""
        self.append(message)


@pytest.fixture(scope="session", autouse=True)
def few_exchanges() -> Iterator[None]:
    """A hundredth of a p is fine enough here; one thread."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "EXCHANGES", 99)
        yield


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Folder of a set that a test may change."""
    return made_up_set(tmp_path / "set")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, not to be changed."""
    return made_up_set(tmp_path_factory.mktemp("made") / "set")


@pytest.fixture(scope="session")
def samples(made: Path) -> Samples:
    """Of the set as it is drawn."""
    return read(made)


@pytest.fixture(scope="session")
def found(made: Path) -> Found:
    """Both protocols on it, written to out/; not to be changed."""
    found = published(request_for(made, protocols=(GROUPED, IN_SAMPLE)))
    result_files.write(found)
    return found
