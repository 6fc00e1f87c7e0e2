"""Trained models that a segmentation rests on: found by name or folder, loaded once, handed to kernels."""

import functools
from collections.abc import Callable

import numpy as np
from scipy.special import expit

from micro_features.errors import ArtefactError
from micro_features.files.artefacts import model_folder, read_weights, weights_digest
from micro_features.images.boundary_evidence import BOUNDARY_FEATURES
from micro_features.images.grains import Judge
from micro_features.images.pair_evidence import PAIR_FEATURES
from micro_features.images.pore_evidence import PORE_FEATURES
from micro_features.learn.pixels import from_bytes, log_odds
from micro_features.settings import Settings

BOUNDARY_WEIGHTS = ("contacts.ubj", "pairs.ubj")
"""Files of a model of grain boundaries: the classifiers of contacts and of pairs of regions."""
PORE_WEIGHTS = ("pores.ubj",)
"""File of a model of pores."""


def models_used(settings: Settings) -> dict[str, str]:
    """Models that a segmentation with these settings depends on: what they find to hash of their weights.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ArtefactError
        A model is missing.
    """
    used = {}
    if settings.pores.method == "classified":
        used["pores"] = weights_digest(_weights(settings.pores.model, PORE_WEIGHTS))
    if settings.grains.method == "learned":
        used["grains"] = weights_digest(_weights(settings.grains.model, BOUNDARY_WEIGHTS))
    return used


def check_models(settings: Settings) -> None:
    """Load the models that a segmentation with these settings needs, before any picture is opened.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    ArtefactError
        A model is missing, or is none.
    """
    if settings.grains.method == "learned":
        boundary_judges(settings.grains.model)
    if settings.pores.method == "classified":
        pore_judge(settings.pores.model)


@functools.cache
def _weights(model: str, names: tuple[str, ...]) -> dict[str, bytes]:
    return read_weights(model_folder(model), names)


@functools.cache
def boundary_judges(model: str) -> dict[str, Judge]:
    """The classifiers of contacts and of pairs, by the names that `images.grains.learned` gives them."""
    contacts, pairs = BOUNDARY_WEIGHTS
    return {
        "judge_contacts": _judge(model, BOUNDARY_WEIGHTS, contacts, BOUNDARY_FEATURES),
        "judge_pairs": _judge(model, BOUNDARY_WEIGHTS, pairs, PAIR_FEATURES),
    }


@functools.cache
def pore_judge(model: str) -> Callable[[np.ndarray], np.ndarray]:
    """The classifier of pixels, as `images.pores.classified` takes it."""
    odds = _judge(model, PORE_WEIGHTS, PORE_WEIGHTS[0], PORE_FEATURES)
    return lambda features: expit(odds(features))


def _judge(model: str, files: tuple[str, ...], name: str, features: tuple[str, ...]) -> Judge:
    stored = _weights(model, files)[name]
    try:
        return functools.partial(log_odds, from_bytes(stored, features))
    except ArtefactError as error:
        raise ArtefactError(f"{model_folder(model) / name} {error}") from None
