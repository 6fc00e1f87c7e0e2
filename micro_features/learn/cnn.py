"""Train the network on windows of pictures, and predict with it.

A picture's property is that of each of its windows; what is predicted for a picture is the mean over its windows.
Pictures are arrays of mean 0 and standard deviation 1 at the network's scale; where windows lie is the caller's choice.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from micro_features.errors import ArtefactError, SettingsError
from micro_features.learn.checkpoint import Checkpoint, restore, state_to_bytes
from micro_features.learn.device import device_named, in_parts
from micro_features.learn.network import Architecture, Network
from micro_features.learn.plan import Plan
from micro_features.learn.trainer import Trainer, Windows, check_pictures, seeded, standardise


@dataclass(frozen=True)
class Epoch:
    """What is told after each epoch: its number from 1, of how many, mean loss, seconds it took and seconds left.

    `part` is how many windows memory sufficed for at a time: all of a batch, or less.
    """

    number: int
    of: int
    loss: float
    seconds: float
    seconds_left: float
    part: int


def fit(
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    y: np.ndarray,
    classes: np.ndarray | None = None,
    *,
    plan: Plan,
    architecture: Architecture,
    device: str = "cpu",
    tell: Callable[[Epoch], None] = lambda epoch: None,
    checkpoint: Checkpoint | None = None,
) -> Network:
    """Train a network for the number of epochs planned.

    On the CPU the same seed gives the same weights bit for bit with the same number of threads, also where a training
    was interrupted and went on. On CUDA it computes in mixed precision. Where memory runs out, batches are computed in
    smaller parts, with the same result up to rounding; but a network that is standardised over the training windows is
    then so over parts, and learns something else.

    Parameters
    ----------
    pictures : sequence of (rows, cols) float32 arrays
        Mean 0, standard deviation 1 over valid pixels, 0 elsewhere; at least two.
    boxes : sequence of (k, 2) int arrays
        First row and column of each picture's windows, which lie inside the picture.
    y : (n,) float array
        Property of each picture, model units.
    classes : (n,) int array, optional
        Class of each picture, from 0; given if and only if the architecture has classes.
    plan : Plan
    architecture : Architecture
    device : str
        As in `device_named`.
    tell : callable
        Told of each epoch.
    checkpoint : Checkpoint, optional
        Saved after each epoch; what it holds at the start is gone on with.

    Returns
    -------
    Network
        Ready to predict, on the device.

    Raises
    ------
    ImageError
        A picture is not finite, or too small for a window.
    ArtefactError
        Fewer than two pictures, all of one value; a checkpoint of something else; training diverged; memory does not
        suffice for two windows.
    SettingsError
        The device is not there, or the windows are smaller than the network takes.
    ValueError
        Lengths differ, or classes do not fit the architecture.
    """
    y = np.asarray(y, float)
    _check(pictures, boxes, y, classes, plan, architecture)
    where = device_named(device)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeded(plan.seed, 0))
        network = Network(architecture, mean=float(y.mean()), sd=float(y.std()))
    if plan.window < network.smallest:
        raise SettingsError(f"windows of {plan.window} pixels: the network takes at least {network.smallest}")
    network.to(where).train()
    trainer = Trainer(network, plan, where, partial(_loss, network, plan.class_weight))
    digest = _digest(pictures, boxes, y, classes, plan, architecture)
    done = 0
    if checkpoint is not None and (held := checkpoint.load()) is not None:
        done = restore(held, network, trainer.optimiser, trainer.scaler, digest)
    windows = Windows(pictures, boxes, y, classes, plan.window)
    started = time.monotonic()
    for epoch in range(done, plan.epochs):
        before = time.monotonic()
        loss = trainer.epoch(epoch, windows)
        if checkpoint is not None:
            state = state_to_bytes(network, trainer.optimiser, trainer.scaler, epoch + 1, digest)
            checkpoint.save(state)
        now = time.monotonic()
        left = (now - started) / (epoch + 1 - done) * (plan.epochs - epoch - 1)
        tell(Epoch(epoch + 1, plan.epochs, loss, now - before, left, trainer.part))
    standardise(network, windows, trainer.part, plan.seed, where)
    return network.eval()


def settle(
    network: Network,
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    window: int,
    *,
    batch: int = 32,
    seed: int = 0,
) -> Network:
    """Standardise a network over windows, as the end of a training does.

    What a network with random weights says can be held against that of a trained one only where both are in the same
    state. One that is normalised in each picture stays as it is.

    Parameters
    ----------
    network : Network
        Changed in place.
    pictures, boxes
        As in `fit`; together at least two windows.
    window : int
        Edge of a window, pixels.
    batch : int
        Windows computed at a time, at least 2.
    seed : int
        Of the order of the windows.

    Returns
    -------
    Network
        The same, ready to predict.

    Raises
    ------
    ArtefactError
        Memory does not suffice for two windows.
    """
    windows = Windows(pictures, boxes, np.zeros(len(boxes)), None, window)
    standardise(network.train(), windows, batch, seed, network.mean.device)
    return network.eval()


def predict_windows(
    network: Network, picture: np.ndarray, boxes: np.ndarray, window: int, *, batch: int = 32
) -> np.ndarray:
    """What the network says of each window of a picture.

    Parameters
    ----------
    network : Network
    picture : (rows, cols) float32 array
        As in `fit`.
    boxes : (n, 2) int array
        First row and column of each window.
    window : int
        Edge of a window, pixels.
    batch : int
        Windows computed at a time.

    Returns
    -------
    (n, 1 + n_classes) float64 array
        Column 0 the property in model units, the others probabilities of the classes, which sum to 1.

    Raises
    ------
    ImageError
        The windows are smaller than the network takes.
    ArtefactError
        Memory does not suffice for one window.
    """
    if not len(boxes):
        return np.empty((0, 1 + network.architecture.n_classes))

    def cut(span: slice) -> np.ndarray:
        return np.stack([picture[row : row + window, col : col + window] for row, col in boxes[span]])

    return _predicted(network, cut, len(boxes), batch, f"a window of {window} x {window} pixels")


def predict(network: Network, picture: np.ndarray, boxes: np.ndarray, window: int) -> np.ndarray:
    """What the network says of a picture: the mean over its windows.

    Parameters
    ----------
    network, picture, boxes, window
        As in `predict_windows`; at least one window.

    Returns
    -------
    (1 + n_classes,) float64 array
        Property in model units, then probabilities of the classes.
    """
    return predict_windows(network, picture, boxes, window).mean(axis=0)


def predict_whole(network: Network, picture: np.ndarray) -> np.ndarray:
    """What the network says of a picture taken as one window, in one pass.

    It differs from `predict`: windows overlap unevenly, and less of a whole picture lies at a border. A network that is
    normalised in each picture sees zeros beyond the border, and is normalised over the whole picture at once: there the
    difference is larger, the more so the smaller the windows it was trained on.

    Parameters
    ----------
    network : Network
    picture : (rows, cols) float32 array
        As in `fit`.

    Returns
    -------
    (1 + n_classes,) float64 array
        Property in model units, then probabilities of the classes.

    Raises
    ------
    ImageError
        The picture is smaller than the network takes.
    ArtefactError
        Memory does not suffice.
    """
    what = f"a picture of {picture.shape[0]} x {picture.shape[1]} pixels"
    return _predicted(network, lambda span: picture[None], 1, 1, what)[0]


def _predicted(network: Network, cut: Callable[[slice], np.ndarray], n: int, batch: int, what: str) -> np.ndarray:
    """Of n windows, which are cut when they are needed."""
    was_training = network.training
    network.eval()

    def told(part: int) -> torch.Tensor:
        several = (cut(slice(first, first + part)) for first in range(0, n, part))
        with torch.inference_mode():
            x = (torch.from_numpy(np.ascontiguousarray(each, np.float32))[:, None] for each in several)
            return torch.cat([network(each.to(network.mean.device)).cpu() for each in x]).double()

    result, _ = in_parts(told, min(batch, n), what)
    network.train(was_training)
    return torch.cat([result[:, :1], result[:, 1:].softmax(dim=1)], dim=1).numpy()


def _loss(
    network: Network, class_weight: float, told: torch.Tensor, y: torch.Tensor, classes: torch.Tensor | None
) -> torch.Tensor:
    """Sum over windows."""
    loss = (((told[:, 0] - y) / network.sd) ** 2).sum()
    if classes is not None:
        loss = loss + class_weight * F.cross_entropy(told[:, 1:], classes, reduction="sum")
    return loss


def _check(
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    y: np.ndarray,
    classes: np.ndarray | None,
    plan: Plan,
    architecture: Architecture,
) -> None:
    if not len(pictures) == len(boxes) == len(y) or (classes is not None and len(classes) != len(y)):
        raise ValueError(f"{len(pictures)} pictures, {len(boxes)} sets of windows, {len(y)} values: as many of each")
    if (classes is not None) != (architecture.n_classes > 0):
        raise ValueError("classes are given if and only if the architecture has classes")
    if classes is not None and not all(0 <= code < architecture.n_classes for code in classes):
        raise ValueError(f"classes must be numbers from 0 to {architecture.n_classes - 1}")
    if len(pictures) < 2:
        raise ArtefactError(f"a network can not be trained on {len(pictures)} picture: give at least two")
    if not np.isfinite(y).all() or np.ptp(y) <= 1e-9 * abs(y).max():
        raise ArtefactError(f"property of the pictures is {y[0]:g} throughout, or not finite: nothing can be learned")
    check_pictures(pictures, boxes, plan.window)


def _digest(
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    y: np.ndarray,
    classes: np.ndarray | None,
    plan: Plan,
    architecture: Architecture,
) -> bytes:
    """Of all that decides the weights."""
    digest = hashlib.sha256(repr((plan, architecture)).encode())
    for array in [*pictures, *boxes, y, *([] if classes is None else [classes])]:
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()
