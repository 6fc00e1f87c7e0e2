"""What the model of features says of every row, out of fold: its predictions, and its SHAP values summed by phase.

Two models are fitted in the folds that the network was trained in. The first may use all features, as `fit` does. The
second has those of pores, grains and boundaries only: texture sees everything at once and has no place in the picture,
so only sums of the second can be held against a heat map. Which of the two is compared was fixed before any result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micro_features.explain import importance
from micro_features.fitting.dataset import Dataset
from micro_features.fitting.evaluate import EXPLAINED, subsets_of
from micro_features.fitting.explaining import left_out_contributions
from micro_features.learn.tabular import MODELS, Problem
from micro_features.learn.validate import OutOfFold, out_of_fold
from micro_features.network.beside import FeatureFit

STRUCTURE = {"pore": ("pore",), "grain structure": ("grain", "boundary")}
"""Phase of a picture, as SHAP values are summed for it -> phases of the catalogue."""
MASK_OF = {"pore": "pore", "grain structure": "boundary"}
"""The same -> mask that its heat is summed over. Grain size and boundary length are one quantity (S_V = 2 / mean
intercept), and what shows it in a picture are the boundaries."""


@dataclass(frozen=True, eq=False)
class FeatureSide:
    """The model of features.

    Attributes
    ----------
    whole, structure : OutOfFold
        With all features, and with those of pores, grains and boundaries only.
    sums : (n, 2) float array
        SHAP values of the second, summed by the keys of `STRUCTURE`, model units.
    shares : dict
        Phase of the catalogue -> its share of the absolute SHAP values of the first, 0 to 1.
    fold : (n,) int array
    """

    whole: OutOfFold
    structure: OutOfFold
    sums: np.ndarray
    shares: dict[str, float]
    fold: np.ndarray

    def predict(self, X: np.ndarray, row: int) -> np.ndarray:
        """What the models with all features that did not see a row say of (m, k) features, model units."""
        place = int(np.searchsorted(np.unique(self.fold), self.fold[row]))
        return self.whole.models[place].predict(X)


def feature_side(dataset: Dataset, fold: np.ndarray, fitted: FeatureFit, *, threads: int) -> FeatureSide | None:
    """Fit both models with each fold left out, and attribute every prediction.

    Parameters
    ----------
    dataset : Dataset
    fold : (n,) int array
    fitted : FeatureFit
        Its seed and assumed signs are taken over.
    threads : int

    Returns
    -------
    FeatureSide or None
        None where there are no features of pores, grains or boundaries.
    """
    X, phases = dataset.X.to_numpy(float), [dataset.phases[name] for name in dataset.X.columns]
    columns = [i for i, phase in enumerate(phases) if any(phase in parts for parts in STRUCTURE.values())]
    if not columns:
        return None
    signs = tuple(fitted.assumed.get(str(name), 0) for name in dataset.X.columns) if fitted.assumed else ()
    problem, model = Problem(monotone=signs, seed=fitted.seed, threads=threads), MODELS[EXPLAINED]
    whole = out_of_fold(model, X, dataset.y, fold, dataset.groups, subsets_of(dataset), problem)
    structure = out_of_fold(model, X, dataset.y, fold, dataset.groups, {"structure": columns}, problem)
    values = left_out_contributions(structure, X, fold)[0]
    sums = [values[:, _of(phases, parts)].sum(axis=1) for parts in STRUCTURE.values()]
    offered = {name: _of(phases, [name]) for name in importance.PHASES if name in phases}
    shares = importance.shares(left_out_contributions(whole, X, fold)[0], offered)
    return FeatureSide(whole, structure, np.stack(sums, axis=1), dict(zip(offered, shares.tolist(), strict=True)), fold)


def _of(phases: Sequence[str], wanted: Sequence[str]) -> list[int]:
    return [i for i, phase in enumerate(phases) if phase in wanted]
