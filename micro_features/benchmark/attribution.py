"""Does an attribution point at the true cause? The command `benchmark attribution`.

Drawn pictures depend on a specimen's causes only: porosity, grain size, boundary resistance. Which of them drive the
conductivity is a matter of the law. So one drawn and measured set serves every law: its features stay, its conductivity
follows from each preset's law and the causes in the manifest, without the scatter of single structures. (Where the
resistance must not show, it is dealt out to other specimens before the law is asked; where nothing may be found, the
conductivity is.)

A planted set is some specimens of the drawn ones, taken by a seed. Sets of different seeds share specimens, so that
proportions over seeds vary less than those over sets drawn anew: their binomial intervals are that much too narrow.

Features are joined by the cause that they measure. Texture sees all causes at once, and can not be wrong about one:
the question is put to features of pores, grains and boundaries, and texture is offered in a second model, to see how
much of the attribution it takes.

Shares add up to 1: beside a strong cause the others fall below what chance gives, and false alarms are rare by
arithmetic. Sets without any link are the harder test of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from micro_features.batch import FileResult
from micro_features.errors import FeatureTableError
from micro_features.explain import importance
from micro_features.features.boundary_contrast import BOUNDARY_CONTRAST_FEATURES
from micro_features.fitting.dataset import read_dataset
from micro_features.fitting.dataset_request import DatasetRequest
from micro_features.fitting.explaining import contributions, left_out_contributions
from micro_features.jobs import use_one_thread
from micro_features.learn import folds
from micro_features.learn.draws import stream
from micro_features.learn.scores import r2
from micro_features.learn.tabular import MODELS, Problem
from micro_features.learn.validate import OutOfFold, bootstrap, choose, out_of_fold, permuted
from micro_features.rows import in_pixels
from micro_features.synthetic.law.attribution import shapley_values
from micro_features.synthetic.law.causes import CAUSE_RANGES, CAUSES
from micro_features.synthetic.law.response import ResponseSurface
from micro_features.synthetic.planted import PRESETS, best_r2, law_of

SPECIMENS = 60
"""In a planted set; the drawn set must hold twice as many at least."""
ASKED = ("porosity", "grain-size", "boundary", "hidden", "example")
"""Presets whose laws are asked for."""
PREDICTED = ("example", "hidden")
"""Those whose conductivity is predicted for all specimens at once."""
NO_LINK = "no link"
"""Sets whose conductivity has nothing to do with their specimens."""
POROSITY, GRAIN_SIZE, RESISTANCE = CAUSES
TEXTURE = "texture"
_FOLDS = 5
_EXPLAINED = MODELS["xgboost"]
_GROOVES = {form for feature in BOUNDARY_CONTRAST_FEATURES for form in (feature.name, in_pixels(feature.name))}
_SET, _DEALT = 11, 12  # streams of random numbers, apart from those of `learn.draws`


@dataclass(frozen=True, eq=False)
class Pool:
    """Measured specimens whose causes are known.

    Attributes
    ----------
    X : (n, k) DataFrame of float
        Features; NaN where missing.
    causes : (n, 3) DataFrame
        Columns as `CAUSES`.
    columns : dict of str to list of int
        Columns of X by what they measure: a cause, or ``texture``. What measures two causes at once by definition is in
        none.
    """

    X: pd.DataFrame
    causes: pd.DataFrame
    columns: dict[str, list[int]]

    def some(self, rows: np.ndarray) -> "Pool":
        """Some of the specimens."""
        return Pool(self.X.iloc[rows], self.causes.iloc[rows], self.columns)

    @property
    def structure(self) -> list[int]:
        """Columns that measure one cause each."""
        return [column for cause in CAUSES for column in self.columns[cause]]


def read_pool(folder: Path, table: Path) -> Pool:
    """Features and causes of a drawn set, a row a specimen; polished sections only.

    Parameters
    ----------
    folder : Path
        As ``micro-features synth`` writes it; of any preset.
    table : Path
        What ``micro-features extract`` measured on its pictures.

    Raises
    ------
    FeatureTableError
        The folder holds no drawn set, table and manifest do not belong together, there are too few specimens, or
        no feature measures one of the causes.
    """
    manifest = folder / "manifest.csv"
    asked = DatasetRequest("conductivity_S_per_cm", "sample_id", manifest, where=("surface=polished",))
    drawn = read_dataset(table, asked)
    stated = {cause: f"cause_{cause}" for cause in CAUSES}
    for name in stated.values():
        if name not in drawn.process or drawn.process[name].dtype != float or drawn.process[name].isna().any():
            raise FeatureTableError(
                f"{manifest}: column {name!r} does not give each specimen's cause; name a folder that "
                "`micro-features synth` wrote."
            )
    if len(drawn.ids) < 2 * SPECIMENS:
        raise FeatureTableError(
            f"{table}: has {len(drawn.ids)} polished specimens of {manifest}; sets of {SPECIMENS} are taken from "
            f"{2 * SPECIMENS} at least: draw more with `micro-features synth --n 300`."
        )
    columns = columns_by_cause([str(name) for name in drawn.X.columns], drawn.phases)
    for cause in CAUSES:
        if not columns[cause]:
            raise FeatureTableError(f"{table}: no column measures the cause {cause!r}; extract with all features.")
    causes = pd.DataFrame({cause: drawn.process[name] for cause, name in stated.items()})
    return Pool(drawn.X, causes, columns)


def columns_by_cause(names: Sequence[str], phases: Mapping[str, str]) -> dict[str, list[int]]:
    """Which cause a feature measures.

    Pores tell of the porosity; grains and the length of boundaries, which is one quantity with their size, of the
    grain size; darkness and grooves of boundaries of the resistance. How many pores lie on boundaries depends on both
    porosity and grain size, by definition. Shapes of grains go with grains, though pores bite into them.

    Parameters
    ----------
    names : sequence of str
        Features.
    phases : mapping
        Phase of each.

    Returns
    -------
    dict of str to list of int
        Places in `names`, for every cause and for ``texture``.
    """

    def measures(name: str) -> str:
        if name in _GROOVES:
            return RESISTANCE
        if name.startswith("pore_on_boundary"):
            return ""
        return {"pore": POROSITY, "grain": GRAIN_SIZE, "boundary": GRAIN_SIZE, "texture": TEXTURE}.get(phases[name], "")

    found = [measures(name) for name in names]
    return {what: [i for i, other in enumerate(found) if other == what] for what in (*CAUSES, TEXTURE)}


# ---- planted sets ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Planted:
    """Specimens whose conductivity a preset's law gave.

    Attributes
    ----------
    pool : Pool
        The specimens.
    y : (n,) float array
        log10 conductivity in S/cm.
    effects : dict of str to float
        Mean absolute Shapley value of each cause in the law, decades: what an attribution should find.
    unseen : tuple of str
        Causes that features can not tell of: they do not drive, or do not show.
    """

    pool: Pool
    y: np.ndarray
    effects: dict[str, float]
    unseen: tuple[str, ...]


def plant(pool: Pool, preset_name: str, surface: ResponseSurface, *, seed: int) -> Planted:
    """Give every specimen of a pool the conductivity of a preset's law.

    Parameters
    ----------
    pool : Pool
    preset_name : str
        A key of `synthetic.planted.PRESETS`.
    surface : ResponseSurface
    seed : int
        Of how the resistance is dealt out to other specimens where it must not show.

    Raises
    ------
    SettingsError
        A specimen lies outside the ranges of the causes.
    """
    preset = PRESETS[preset_name]
    causes = pool.causes.reset_index(drop=True)
    unseen = [cause for cause in CAUSES if cause not in preset.drivers]
    if not preset.boundary_shows:
        causes[RESISTANCE] = stream(seed, _DEALT).permutation(causes[RESISTANCE].to_numpy())
        unseen.append(RESISTANCE)
    law = law_of(preset, surface)
    y = np.asarray(law(**{cause: causes[cause].to_numpy(float) for cause in CAUSES}))
    true = shapley_values(law, CAUSE_RANGES, causes)
    return Planted(pool, y, {cause: float(true[cause].abs().mean()) for cause in CAUSES}, tuple(unseen))


def planted_set(pool: Pool, preset_name: str, surface: ResponseSurface, *, seed: int) -> Planted:
    """`SPECIMENS` of a pool, taken by a seed, with the conductivity of a preset's law."""
    rows = stream(seed, _SET).choice(len(pool.X), SPECIMENS, replace=False)
    return plant(pool.some(np.sort(rows)), preset_name, surface, seed=seed)


def unlinked(planted: Planted, *, seed: int) -> Planted:
    """The same specimens, their conductivities dealt out to each other."""
    y = stream(seed, _DEALT).permutation(planted.y)
    return Planted(planted.pool, y, dict.fromkeys(CAUSES, 0.0), CAUSES)


def ask(planted: Planted, *, seed: int, permutations: int = 99, bootstraps: int = 50) -> list[dict[str, Any]]:
    """Which causes the attributions of a planted set point at.

    Attributions are out of fold (grouped 5-fold; every specimen a group). Hyper-parameters are chosen once, on the
    whole set, as its R² is no subject here.

    Parameters
    ----------
    planted : Planted
    seed : int
    permutations, bootstraps : int
        Models of exchanged conductivities, and of specimens drawn with replacement.

    Returns
    -------
    list of dict
        One for each cause: ``true_effect`` (decades), ``seen`` (drives and shows), what
        `explain.importance.importance_table` says of its group of features, ``r2`` of the model, and
        ``texture_share`` and ``largest_with_texture`` (of the causes' groups) where texture is offered, too.
    """
    X, y, problem = planted.pool.X.to_numpy(float), planted.y, Problem(seed=seed)
    groups = np.arange(len(y))
    fold = folds.grouped_kfold(groups, _FOLDS, seed)

    def run_on(columns: Sequence[int]) -> OutOfFold:
        choice = choose(_EXPLAINED, X, y, groups, {"offered": columns}, problem)
        return out_of_fold(_EXPLAINED, X, y, fold, groups, {}, problem, choices=[choice] * _FOLDS)

    run = run_on(planted.pool.structure)
    causes = {cause: planted.pool.columns[cause] for cause in CAUSES}
    table = importance.importance_table(
        left_out_contributions(run, X, fold)[0],
        causes,
        (
            contributions(refit.model, X)[0]
            for refit in bootstrap(_EXPLAINED, X, y, groups, run.choices[0], problem, n=bootstraps)
        ),
        permuted(
            _EXPLAINED,
            X,
            y,
            fold,
            groups,
            run.choices,
            problem,
            n=permutations,
            ask=lambda other, of_other: left_out_contributions(of_other, X, fold)[0],
        ),
    )
    with_texture = run_on([*planted.pool.structure, *planted.pool.columns[TEXTURE]])
    offered = causes | {TEXTURE: planted.pool.columns[TEXTURE]}
    shares = importance.shares(left_out_contributions(with_texture, X, fold)[0], offered)
    return [
        {
            "cause": row["group"],
            "true_effect": planted.effects[row["group"]],
            "seen": row["group"] not in planted.unseen,
            **{name: row[name] for name in ("mean_abs", "share", "share_low", "share_high", "null_p95", "clears_null")},
            "r2": r2(y, run.predicted, groups, n_resamples=1)[1],
            "texture_share": shares[-1],
            "largest_with_texture": CAUSES[int(shares[:-1].argmax())],
        }
        for row in table.to_dict("records")
    ]


@dataclass(frozen=True, eq=False)
class Case:
    """One planted set to be asked about, for `benchmark.common.gather`."""

    planted: Planted
    preset: str
    seed: int

    @property
    def path(self) -> Path:
        """Its name."""
        return Path(f"{self.preset} {self.seed}")


def cases(pool: Pool, surface: ResponseSurface, *, seeds: int) -> list[Case]:
    """Planted sets of every preset in `ASKED` and seeds 0 to seeds - 1, and those without a link.

    A seed takes the same specimens for each preset.
    """
    found = [
        Case(planted_set(pool, preset, surface, seed=seed), preset, seed) for preset in ASKED for seed in range(seeds)
    ]
    all_drive = [case for case in found if case.preset == "example"]
    return found + [Case(unlinked(case.planted, seed=case.seed), NO_LINK, case.seed) for case in all_drive]


def answer(case: Case) -> FileResult:
    """`ask`, its rows with ``preset`` and ``seed`` before them."""
    use_one_thread()
    rows = ask(case.planted, seed=case.seed)
    return FileResult(rows=[{"preset": case.preset, "seed": case.seed, **row} for row in rows])


# ---- all specimens at once -------------------------------------------------------------------------------------------


def predict(pool: Pool, surface: ResponseSurface, *, threads: int) -> pd.DataFrame:
    """How well the conductivity of all specimens is predicted, everything chosen inside the training folds.

    Parameters
    ----------
    pool : Pool
    surface : ResponseSurface
    threads : int

    Returns
    -------
    DataFrame
        For each preset of `PREDICTED`, from the features and, as the most that the learner makes of so many specimens,
        from the true causes: ``r2`` (grouped 5-fold) with its 95 % interval over specimens, ``reducible`` (the highest
        R² that any model of the pictures can reach over the ranges of the causes), ``share`` of it (above 1 by chance).
    """
    groups = np.arange(len(pool.X))
    fold, problem = folds.grouped_kfold(groups, _FOLDS, 0), Problem(threads=threads)
    offered: dict[str, tuple[pd.DataFrame, dict[str, Sequence[int]]]] = {
        "features": (pool.X, {"all": range(pool.X.shape[1]), "structure": pool.structure}),
        "true causes": (pool.causes, {"all": range(len(CAUSES))}),
    }
    rows = []
    for name in PREDICTED:
        y, reducible = plant(pool, name, surface, seed=0).y, best_r2(PRESETS[name], surface)
        for told, (X, subsets) in offered.items():
            run = out_of_fold(_EXPLAINED, X.to_numpy(float), y, fold, groups, subsets, problem)
            low, value, high = r2(y, run.predicted, groups)
            rows.append(
                {
                    "preset": name,
                    "told": told,
                    "n": len(y),
                    "r2_low": low,
                    "r2": value,
                    "r2_high": high,
                    "reducible": reducible,
                    "share": value / reducible,
                }
            )
    return pd.DataFrame(rows)
