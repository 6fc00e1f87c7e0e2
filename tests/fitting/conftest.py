"""A small table with a planted link, and models that are quick to fit."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.fitting import evaluate, fit
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.learn import tabular, validate

QUICK = {
    "xgboost": dataclasses.replace(tabular.MODELS["xgboost"], variants=({"max_depth": 2},)),
    "ridge": dataclasses.replace(tabular.MODELS["ridge"], variants=({"penalty": 1.0},)),
    "mean": tabular.MODELS["mean"],
}
N_GROUPS, EACH = 8, 4


def made_up_table(folder: Path, *, seed: int = 0) -> tuple[Path, Path]:
    """features.csv and manifest.csv: log10 conductivity falls with porosity; each group has its day."""
    rng = np.random.default_rng(seed)
    n = N_GROUPS * EACH
    group = np.repeat(np.arange(N_GROUPS), EACH)
    porosity = 0.02 + 0.2 * rng.random(n)
    log10 = -3 - 10 * porosity + 0.05 * rng.normal(size=n)
    names = [f"p{i:02d}" for i in range(n)]
    pd.DataFrame(
        {
            "micrograph_id": names,
            "path": [f"pictures/{name}.tif" for name in names],
            "settings_digest": "abc123",
            "acquisition_date": [f"2024-01-{1 + day // 2:02d}" for day in group],  # two groups share a day
            "acquisition_kV": rng.choice([1.0, 5.0], n),
            "quality_brightness": rng.random(n),
            "porosity": porosity,
            "pore_area_mean_um2": rng.random(n),
            "grain_diameter_mean_um": rng.random(n),
            "texture_gradient_cv_2px": rng.random(n),
            "texture_gradient_cv_4px": rng.random(n),
            "texture_spectrum_slope": rng.random(n),
        }
    ).to_csv(folder / "features.csv", index=False)
    pd.DataFrame(
        {
            "file": [f"{name}.tif" for name in names],
            "conductivity_S_per_cm": 10**log10,
            "sintering_schedule": [f"S{i}" for i in group],
            "sintering_temperature_C": 1000 + 10 * group,
        }
    ).to_csv(folder / "manifest.csv", index=False)
    return folder / "features.csv", folder / "manifest.csv"


@pytest.fixture
def quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three models, few rounds, small forests."""
    _patch(monkeypatch)


def _patch(patch: pytest.MonkeyPatch) -> None:
    for module in (evaluate, fit, tabular):
        patch.setattr(module, "MODELS", QUICK)
    patch.setattr("micro_features.fitting.wording.MODELS", QUICK)
    patch.setattr(evaluate, "DUMMY", QUICK["ridge"])
    patch.setattr(tabular, "MOST_ROUNDS", 40)
    patch.setattr(validate, "REPEATS", 1)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fit.Fit]:
    """The made-up table, fitted once."""
    folder = tmp_path_factory.mktemp("fitted")
    table, manifest = made_up_table(folder)
    with pytest.MonkeyPatch.context() as patch:
        _patch(patch)
        yield fit.fit(request_for(table, manifest))


def request_for(table: Path, manifest: Path, **more: object) -> fit.Request:
    """A quick request; options by name replace its own."""
    data = DatasetRequest("conductivity_S_per_cm", "sintering_schedule", manifest, cuts=(1e-4,))
    of_data = {name: more.pop(name) for name in vars(data) if name in more}
    data = dataclasses.replace(data, **of_data)  # type: ignore[arg-type]
    request = fit.Request(table, data, permutations=19, bootstraps=10, threads=1)
    return dataclasses.replace(request, **more)  # type: ignore[arg-type]
