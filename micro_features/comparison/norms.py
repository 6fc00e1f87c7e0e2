"""What networks with random weights are standardised by, of all pictures, before each picture is asked about."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from micro_features import jobs
from micro_features.batch import map_ordered
from micro_features.comparison.examine import Job
from micro_features.comparison.random_networks import Norms, random_networks
from micro_features.errors import MicroFeaturesError
from micro_features.learn.cnn import settle
from micro_features.learn.network import from_bytes
from micro_features.network.pictures import network_picture, read_micrograph

_WINDOWS = 32  # random networks need not know the pictures well


def with_norms(asked: Sequence[Job], *, n_workers: int, tell: Callable[[str], None]) -> list[Job]:
    """The jobs, with the state that random networks are in beside theirs; as they were where none is needed.

    Parameters
    ----------
    asked : sequence of Job
    n_workers : int
        Processes.
    tell : callable
        Told what is being done, as it takes some seconds.

    Returns
    -------
    list of Job
    """
    if asked[0].architecture.normalised != "set":
        return list(asked)
    tell("standardising networks with random weights")
    places = np.unique(np.linspace(0, len(asked) - 1, _WINDOWS).round().astype(int))
    each = [_Cut(asked[place], -(-_WINDOWS // len(places))) for place in places]
    # A picture that can not be read is told of when it is its turn.
    cut = [found for found in map_ordered(_windows, each, n_workers=n_workers) if len(found)]
    if not cut:
        return list(asked)
    windows = np.concatenate(cut)
    by_weights = {job.weights: _Asked(job, windows) for job in asked}
    norms = dict(zip(by_weights, map_ordered(_norms, list(by_weights.values()), n_workers=n_workers), strict=True))
    return [replace(job, norms=norms[job.weights]) for job in asked]


@dataclass(frozen=True, eq=False)
class _Cut:
    job: Job
    n: int


@dataclass(frozen=True, eq=False)
class _Asked:
    job: Job
    windows: np.ndarray


def _windows(asked: _Cut) -> np.ndarray:
    """(n, window, window): of one picture, at random; empty for a picture that can not be read."""
    job, size = asked.job, asked.job.geometry.window
    try:
        picture = network_picture(
            read_micrograph(job.path, job.page, pixel_um=job.pixel_um, uncalibrated=job.pixel_um is None), job.geometry
        )
    except MicroFeaturesError:
        return np.empty((0, size, size), np.float32)
    boxes = np.random.default_rng([job.seed, 2]).permutation(picture.boxes(job.geometry))[: asked.n]
    return np.stack([picture.x[row : row + size, col : col + size] for row, col in boxes])


def _norms(asked: _Asked) -> Norms:
    import torch

    jobs.use_one_thread()
    torch.set_num_threads(1)
    trained = [from_bytes(weights, asked.job.architecture) for weights in asked.job.weights]
    whole = np.zeros((len(asked.windows), 1, 2), int)
    size = asked.job.geometry.window
    return tuple(
        {
            name: value.numpy()
            for name, value in settle(network, list(asked.windows), list(whole), size).named_buffers()
            if "running_" in name
        }
        for network in random_networks(trained)
    )
