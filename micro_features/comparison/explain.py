"""The command `explain`: two models of one property, asked why, and whether their answers agree.

The figure that counts is, over rows, the rank agreement of how much heat of the network leans on a phase with the SHAP
values of that phase's features, summed (`explain.compare`). Maps are those of the deepest layer that resolves the
grains, predictions and explanations are of models that did not see the row.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from micro_features.batch import map_ordered, usable_cores
from micro_features.comparison import answers, retrained
from micro_features.comparison.asked import FULL, Layers, Request, dataset_of, fold_of, jobs_of, layers_of, unusable
from micro_features.comparison.examine import Examined, examine
from micro_features.comparison.feature_side import MASK_OF, FeatureSide, feature_side
from micro_features.comparison.norms import with_norms
from micro_features.errors import ArtefactError, ImageError
from micro_features.explain import acquisition, compare, directions, sanity
from micro_features.fitting.dataset import Dataset
from micro_features.network import cnn_model
from micro_features.network.beside import read_fit
from micro_features.network.cnn_model import CnnModel
from micro_features.network.pictures import read_pictures

_COMPARED = tuple(MASK_OF.values())


@dataclass(frozen=True, eq=False)
class Explained:
    """Everything that is known of both explanations; n rows, m pictures.

    Attributes
    ----------
    request : Request
    dataset : Dataset
    fold : (n,) int array
    model : CnnModel
    features : FeatureSide
    pictures : list of m Examined
    owner : (m,) int array
        Row of each picture.
    layers : Layers
    network : (n,) float array
        Predictions of the network out of fold, model units.
    at_chance : tuple of str
        For each model that does no better than chance, a sentence; of the network and the model of pores, grains and
        boundaries, which the agreement is about.
    whole_at_chance : tuple of str
        The same of the network and of the model of all features, which alterations and windows are about.
    agreement : Agreement
        The figure that counts.
    of_pores : Agreement or None
        That of pores alone, where no layer resolves the grains but one the pores.
    signs : Signs
        Of pores.
    interventions : dict of str to Intervention
    moved : dict of str to (taken, control)
        Behind these: (k, 2) changes of both models' predictions of each picture.
    windows : WindowCorrelation or None
    checks : list of Check
    cascade : DataFrame
        Of `sanity.randomised_layers`.
    superpixels : (3,) float array
        Median agreement of heat with SHAP of superpixels, with its interval.
    acquisition : dict of str to float
        How far predictions move when the same pictures are taken otherwise (`acquisition.shifts`).
    failures : list of str
        Pictures that could not be looked at.
    seconds : float
    """

    request: Request
    dataset: Dataset
    fold: np.ndarray
    model: CnnModel
    features: FeatureSide
    pictures: list[Examined]
    owner: np.ndarray
    layers: Layers
    network: np.ndarray
    at_chance: tuple[str, ...]
    whole_at_chance: tuple[str, ...]
    agreement: compare.Agreement
    of_pores: compare.Agreement | None
    signs: directions.Signs
    interventions: dict[str, directions.Intervention]
    moved: dict[str, tuple[np.ndarray, np.ndarray]]
    windows: compare.WindowCorrelation | None
    checks: list[sanity.Check]
    cascade: pd.DataFrame
    superpixels: np.ndarray
    acquisition: dict[str, float]
    failures: list[str]
    seconds: float


def explain(request: Request, *, tell: Callable[[str], None] = lambda line: None) -> Explained:
    """Explain both models, and compare.

    Parameters
    ----------
    request : Request
    tell : callable
        Told what is being done.

    Raises
    ------
    FeatureTableError, ArtefactError
        Table, fit and model do not belong together.
    ImageError
        No picture, or not one of each row, can be looked at.
    """
    began = time.monotonic()
    model = cnn_model.load(request.cnn)
    dataset = dataset_of(request, model)
    fitted = read_fit(request.fit, dataset)
    fold = fold_of(request, model, dataset, fitted)
    layers = layers_of(request, model, dataset)
    jobs, full = jobs_of(request, model, dataset, layers), retrained.known(request.cnn, layers.judged, tell=tell)
    row_of = {name: row for row, each in enumerate(dataset.ids) for name in dataset.members[each]}
    unfit = unusable(jobs)
    jobs, failures = [job for job in jobs if job.name not in unfit], [f"{name}: {why}" for name, why in unfit.items()]
    _check_all_there(dataset, np.array([row_of[job.name] for job in jobs], int), failures)
    for failure in failures:
        tell(f"left out: {failure}")
    n_workers = request.n_workers or usable_cores()
    tell("fitting the features again, folds of the network")
    features = feature_side(dataset, fold, fitted, threads=n_workers)
    if features is None:
        raise ArtefactError(f"{request.table}: has no features of pores, grains or boundaries to hold a map against.")
    if request.sanity == FULL:
        tell("training networks on one fold again, with other seeds and with exchanged targets")
        seen = read_pictures(dataset, request.table, request.pictures, model.geometry, n_workers=n_workers)
        full = retrained.run(model, dataset, seen, layers.judged, seed=request.seed, n_workers=n_workers, tell=tell)
    jobs = with_norms(jobs, n_workers=n_workers, tell=tell)
    tell(f"looking at {len(jobs)} pictures, {sum(job.altered for job in jobs)} of them altered as well")
    told = map_ordered(examine, jobs, n_workers=min(n_workers, len(jobs)))
    failures += [f"{job.name}: {answer}" for job, answer in zip(jobs, told, strict=True) if isinstance(answer, str)]
    pictures = [answer for answer in told if isinstance(answer, Examined)]
    owner = np.array([row_of[each.name] for each in pictures], int)
    _check_all_there(dataset, owner, failures)
    of_network = answers.at_chance(
        dataset, answers.in_one_pass(dataset, pictures, owner), "network, whole picture in one pass as in its maps,"
    )
    at_chance = of_network + answers.at_chance(
        dataset, features.structure.predicted, "model of pores, grains and boundaries"
    )
    groups = dataset.groups[owner]
    checks, cascade = answers.checks_of(dataset, pictures, owner, full)
    answers_to = answers.answers_to_alterations(dataset, features, pictures, owner)
    return Explained(
        request=request,
        dataset=dataset,
        fold=fold,
        model=model,
        features=features,
        pictures=pictures,
        owner=owner,
        layers=layers,
        network=dataset.y - model.known.residual,
        at_chance=at_chance,
        whole_at_chance=of_network + answers.at_chance(dataset, features.whole.predicted, "model of all features"),
        agreement=answers.agreement_of(request, dataset, features, pictures, owner, layers, at_chance, _COMPARED),
        of_pores=answers.agreement_of(request, dataset, features, pictures, owner, layers, at_chance, _COMPARED[:1])
        if layers.grains is None and layers.pores is not None
        else None,
        signs=answers.signs_of(dataset, features, pictures, owner, layers),
        interventions={
            what: directions.interventional(before, after, control, groups, what=answers.GERUND[what])
            for what, (before, after, control, groups) in answers_to.items()
        },
        moved={what: (after - before, control - before) for what, (before, after, control, _) in answers_to.items()},
        windows=answers.windows_of(dataset, features, pictures, owner),
        checks=checks,
        cascade=cascade,
        superpixels=answers.median_of(np.array([each.superpixel_agreement for each in pictures]), groups),
        acquisition=acquisition.shifts(
            [each.acquisition for each in pictures], np.array([each.predicted.mean() for each in pictures])
        ),
        failures=failures,
        seconds=time.monotonic() - began,
    )


def _check_all_there(dataset: Dataset, owner: np.ndarray, failures: Sequence[str]) -> None:
    if len(set(owner.tolist())) < len(dataset.ids):
        raise ImageError(f"{len(failures)} pictures can not be looked at: {'; '.join(failures[:3])}")
