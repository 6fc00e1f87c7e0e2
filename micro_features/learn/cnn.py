"""Train the network on windows of pictures, and predict with it.

A picture's property is that of each of its windows; what is predicted for a picture is the mean over its windows.
Pictures are arrays of mean 0 and standard deviation 1 at the network's scale; where windows lie is the caller's choice.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn import BatchNorm1d, BatchNorm2d

from micro_features.errors import ArtefactError, ImageError, SettingsError
from micro_features.learn.augment import augmented
from micro_features.learn.checkpoint import Checkpoint, restore, state_to_bytes
from micro_features.learn.device import device_named, in_parts
from micro_features.learn.network import Architecture, Network
from micro_features.learn.plan import Plan, one_cycle


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
        torch.default_generator.manual_seed(_seed(plan.seed, 0))
        network = Network(architecture, mean=float(y.mean()), sd=float(y.std()))
    if plan.window < network.smallest:
        raise SettingsError(f"windows of {plan.window} pixels: the network takes at least {network.smallest}")
    network.to(where).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    scaler = torch.amp.GradScaler("cuda", enabled=where.type == "cuda")
    digest = _digest(pictures, boxes, y, classes, plan, architecture)
    done = 0
    if checkpoint is not None and (held := checkpoint.load()) is not None:
        done = restore(held, network, optimiser, scaler, digest)
    trainer = _Trainer(network, optimiser, scaler, plan, where)
    windows = _Windows(pictures, boxes, y, classes, plan.window)
    started = time.monotonic()
    for epoch in range(done, plan.epochs):
        before = time.monotonic()
        loss = trainer.epoch(epoch, windows)
        if not np.isfinite(loss):
            raise ArtefactError(
                f"training diverged in epoch {epoch + 1} (loss {loss}) at a learning rate of {plan.learning_rate:g}: "
                "choose a lower one"
            )
        if checkpoint is not None:
            checkpoint.save(state_to_bytes(network, optimiser, scaler, epoch + 1, digest))
        now = time.monotonic()
        left = (now - started) / (epoch + 1 - done) * (plan.epochs - epoch - 1)
        tell(Epoch(epoch + 1, plan.epochs, loss, now - before, left, trainer.part))
    _settle(network, windows, trainer.part, plan.seed)
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
    _settle(network.train(), _Windows(pictures, boxes, np.zeros(len(boxes)), None, window), batch, seed)
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


class _Windows:
    """Every window of every picture, cut when it is needed."""

    def __init__(
        self,
        pictures: Sequence[np.ndarray],
        boxes: Sequence[np.ndarray],
        y: np.ndarray,
        classes: np.ndarray | None,
        size: int,
    ) -> None:
        self.pictures = [torch.from_numpy(np.ascontiguousarray(picture, np.float32)) for picture in pictures]
        self.size = size
        self.owner = torch.from_numpy(np.repeat(np.arange(len(boxes)), [len(each) for each in boxes]))
        self.first = np.concatenate([np.asarray(each, int).reshape(-1, 2) for each in boxes])
        self.y = torch.from_numpy(y.astype(np.float32))
        self.classes = None if classes is None else torch.from_numpy(np.asarray(classes).astype(np.int64))

    def batches(
        self, size: int, generator: torch.Generator
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]]:
        """Windows, property and class, in random order; a rest too small for a batch is left out for this epoch."""
        order = torch.randperm(len(self.owner), generator=generator)
        size = min(size, len(order))
        for chosen in order[: len(order) // size * size].split(size):
            owner = self.owner[chosen]
            places = zip(owner.tolist(), self.first[chosen.numpy()].tolist(), strict=True)
            cut = [self.pictures[i][row : row + self.size, col : col + self.size] for i, (row, col) in places]
            yield torch.stack(cut)[:, None], self.y[owner], None if self.classes is None else self.classes[owner]

    def steps(self, size: int) -> int:
        """Batches in an epoch."""
        return max(1, len(self.owner) // size)


class _Trainer:
    def __init__(
        self,
        network: Network,
        optimiser: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        plan: Plan,
        device: torch.device,
    ) -> None:
        self.network, self.optimiser, self.scaler, self.plan, self.device = network, optimiser, scaler, plan, device
        self.part = plan.batch  # windows computed at a time; less than a batch where memory ran out

    def epoch(self, number: int, windows: _Windows) -> float:
        """Show every window once; mean loss of a window."""
        generator = torch.Generator().manual_seed(_seed(self.plan.seed, number + 1))
        steps = windows.steps(self.plan.batch)
        total = torch.zeros((), device=self.device)
        for step, (x, y, classes) in enumerate(windows.batches(self.plan.batch, generator), start=number * steps):
            rate, momentum = one_cycle(step, steps * self.plan.epochs, self.plan.learning_rate)
            for group in self.optimiser.param_groups:
                group["lr"], group["betas"] = rate, (momentum, group["betas"][1])
            x = augmented(x.to(self.device), self.plan.augmentation, generator)
            classes = None if classes is None else classes.to(self.device)
            total += self._step(x, y.to(self.device), classes)
        return float(total) / steps

    def _step(self, x: torch.Tensor, y: torch.Tensor, classes: torch.Tensor | None) -> torch.Tensor:
        def gradients(part: int) -> torch.Tensor:
            self.optimiser.zero_grad()
            total = torch.zeros((), device=self.device)
            # Evenly: the network standardises over the windows that it sees at once, which takes two.
            for chunk in torch.arange(len(x)).tensor_split(min(-(-len(x) // part), len(x) // 2)):
                span = slice(int(chunk[0]), int(chunk[-1]) + 1)
                loss = self._loss(x[span], y[span], None if classes is None else classes[span]) / len(x)
                self.scaler.scale(loss).backward()
                total += loss.detach()
            return total

        size = min(self.part, len(x))
        loss, self.part = in_parts(gradients, size, f"two windows of {x.shape[-1]} pixels", least=2)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return loss

    def _loss(self, x: torch.Tensor, y: torch.Tensor, classes: torch.Tensor | None) -> torch.Tensor:
        """Sum over windows."""
        with torch.autocast("cuda", torch.float16, enabled=self.device.type == "cuda"):
            told = self.network(x)
        loss = (((told[:, 0] - y) / self.network.sd) ** 2).sum()
        if classes is not None:
            loss = loss + self.plan.class_weight * F.cross_entropy(told[:, 1:], classes, reduction="sum")
        return loss


def _settle(network: Network, windows: _Windows, part: int, seed: int) -> None:
    """Standardise by windows as they are; until now by those of late steps, varied (Wu and Johnson 2021)."""
    norms = [layer for layer in network.modules() if isinstance(layer, BatchNorm1d | BatchNorm2d)]
    if not norms:
        return

    def shown(several: int) -> torch.Tensor:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean of all that is shown
        with torch.no_grad():
            for x, _, _ in windows.batches(several, torch.Generator().manual_seed(_seed(seed, 0))):
                network(x.to(network.mean.device))
        return network.mean

    in_parts(shown, part, f"two windows of {windows.size} pixels", least=2)


def _seed(seed: int, use: int) -> int:
    return int(np.random.SeedSequence([seed, use]).generate_state(1, np.uint64)[0])


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
    for number, (picture, each) in enumerate(zip(pictures, boxes, strict=True), start=1):
        if not np.isfinite(picture).all():
            raise ImageError(f"picture {number} of the training holds values that are not finite: mask them with 0")
        ends = np.asarray(each).reshape(-1, 2) + plan.window
        if len(ends) == 0 or (ends > picture.shape).any() or (ends < plan.window).any():
            raise ImageError(
                f"picture {number} of the training is {picture.shape[0]} x {picture.shape[1]} pixels and has no "
                f"window of {plan.window} pixels, or one beyond its edge: choose smaller windows"
            )


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
