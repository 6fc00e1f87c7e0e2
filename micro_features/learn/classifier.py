"""A network that tells the class of a window, from one linear layer on the means of its last cells.

That form is what class-activation maps ask for (Zhou et al. 2016, CVPR, Learning deep features for discriminative
localization): with A_c the cells of channel c of the last layer and W_kc the weight that class k gives it, the logit of
class k is b_k + sum_c W_kc mean(A_c), so that sum_c W_kc A_c says where in the window a class comes from. Where means
are standardised over the training windows before the linear layer, both together are one linear layer.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from micro_features.errors import ArtefactError, ImageError, SettingsError
from micro_features.learn import resnet
from micro_features.learn.device import device_named, in_parts
from micro_features.learn.network import Architecture, Network
from micro_features.learn.plan import Plan
from micro_features.learn.trainer import Trainer, Windows, check_pictures, seeded, standardise

_BATCHES = 8
"""From so many it is standardised after each epoch but the last, to be asked: enough for that, and quick."""


class Classifier(nn.Module):
    """Windows in, logits of classes out.

    Parameters
    ----------
    body : Module
        From (n, in_channels, rows, cols) to (n, channels, r, c), none negative.
    channels : int
        That the body gives.
    n_classes : int
        At least 2.
    in_channels : int
        That the body takes; more than one are all given the same picture.
    stride : int
        Network pixels in the edge of one of the body's cells; the shorter side of a window is at least that.
    cell_origin : float
        Where the first cell begins, network pixels from the window's edge.
    standardised : bool
        Means over cells are standardised over the training windows (Ioffe and Szegedy 2015, ICML, Batch normalization)
        before the linear layer.

    Attributes
    ----------
    body : Module
    norm : BatchNorm1d or None
    head : Linear
        Weight (n_classes, channels) and bias (n_classes,).
    in_channels, n_classes, stride, cell_origin
        As given.

    Raises
    ------
    SettingsError
        Fewer than two classes.
    """

    def __init__(
        self,
        body: nn.Module,
        channels: int,
        n_classes: int,
        *,
        in_channels: int,
        stride: int,
        cell_origin: float,
        standardised: bool = False,
    ) -> None:
        super().__init__()
        if n_classes < 2:
            raise SettingsError(f"a classifier with {n_classes} classes: choose at least 2")
        self.in_channels, self.n_classes, self.stride, self.cell_origin = in_channels, n_classes, stride, cell_origin
        self.body = body
        self.norm = nn.BatchNorm1d(channels) if standardised else None
        self.head = nn.Linear(channels, n_classes)

    @property
    def class_weights(self) -> np.ndarray:
        """(n_classes, channels) float32: weight of each channel's mean in the logit of each class, once trained."""
        weight = self.head.weight.detach()
        if self.norm is not None and self.norm.running_var is not None:
            weight = weight * (self.norm.weight.detach() / torch.sqrt(self.norm.running_var + self.norm.eps))
        return weight.cpu().numpy()

    def logits(self, means: torch.Tensor) -> torch.Tensor:
        """(n, n_classes) from (n, channels) means over cells."""
        return self.head(means if self.norm is None else self.norm(means))

    def activations(self, x: torch.Tensor) -> torch.Tensor:
        """What the linear layer takes the mean of.

        Parameters
        ----------
        x : (n, 1, rows, cols) float tensor
            Windows of pictures of mean 0 and standard deviation 1 over their valid pixels, 0 elsewhere.

        Returns
        -------
        (n, channels, r, c) float tensor
            None negative.

        Raises
        ------
        ImageError
            The windows are smaller than one cell.
        """
        rows, cols = x.shape[-2:]
        if min(rows, cols) < self.stride:
            raise ImageError(
                f"picture of {rows} x {cols} pixels at the network's scale: it takes at least {self.stride} x "
                f"{self.stride}; give a larger picture or reduce it less"
            )
        x = x.expand(-1, self.in_channels, -1, -1)
        return self.body(x.contiguous(memory_format=torch.channels_last))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of windows.

        Parameters
        ----------
        x : (n, 1, rows, cols) float tensor
            As `activations` takes.

        Returns
        -------
        (n, n_classes) float tensor
        """
        # In half precision, as on a graphics card, means and sums would lose the digits that count.
        return self.logits(self.activations(x).mean((2, 3), dtype=torch.float32)).float()


def small_classifier(architecture: Architecture, seed: int = 0) -> Classifier:
    """The project's own small network, which tells classes only.

    Means over cells are standardised before the last layer: in a network that is normalised in each picture they are
    nearly the same for all windows, and from plain means little is learned in few epochs.

    Parameters
    ----------
    architecture : Architecture
        With at least 2 classes.
    seed : int
        Of first weights.

    Returns
    -------
    Classifier
        On the CPU; takes one channel.

    Raises
    ------
    SettingsError
        Fewer than two classes.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeded(seed, 0))
        network = Network(architecture)
        return Classifier(
            nn.Sequential(OrderedDict(network.layers.items())),
            architecture.channels[-1],
            architecture.n_classes,
            in_channels=1,
            stride=network.smallest,
            cell_origin=network.cell_origin,
            standardised=True,
        )


def resnet18_classifier(n_classes: int, weights: bytes | None = None, seed: int = 0) -> Classifier:
    """A ResNet18, as in the published study, with a last layer of its own.

    Parameters
    ----------
    n_classes : int
        At least 2.
    weights : bytes, optional
        A safetensors file that `resnet.imagenet_weights` reads, to begin with; else they are drawn.
    seed : int
        Of first weights, of the last layer in any case.

    Returns
    -------
    Classifier
        On the CPU; gives its one picture to all three channels.

    Raises
    ------
    SettingsError
        Fewer than two classes.
    ArtefactError
        The weights are not those of a ResNet18, or a file of another kind.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeded(seed, 0))
        body = resnet.ResNet18()
        classifier = Classifier(
            body,
            resnet.CHANNELS,
            n_classes,
            in_channels=resnet.IN_CHANNELS,
            stride=resnet.STRIDE,
            cell_origin=resnet.CELL_ORIGIN,
        )
    if weights is not None:
        body.load_state_dict(resnet.imagenet_weights(weights))
    return classifier


@dataclass(frozen=True, eq=False)
class ClassifierEpoch:
    """What is told after each epoch.

    Attributes
    ----------
    number, of : int
        From 1, of how many.
    loss : float
        Mean cross-entropy of a window, nats.
    confusion : (n_classes, n_classes) int array
        Training windows as they were shown in this epoch, varied, to the network as it was then: rows are true
        classes, columns what it said.
    seconds, seconds_left : float
        Of this epoch, and of those to come.
    """

    number: int
    of: int
    loss: float
    confusion: np.ndarray
    seconds: float
    seconds_left: float


def fit_classifier(
    classifier: Classifier,
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    classes: np.ndarray,
    *,
    plan: Plan,
    device: str = "cpu",
    tell: Callable[[ClassifierEpoch], None] = lambda epoch: None,
) -> Classifier:
    """Train a classifier for the number of epochs planned, by cross-entropy, all classes weighted alike.

    On the CPU the same weights to begin with and the same seed give the same weights bit for bit with the same number
    of threads. On CUDA it computes in mixed precision. Where memory runs out, batches are computed in smaller parts.

    Parameters
    ----------
    classifier : Classifier
        Changed in place.
    pictures : sequence of (rows, cols) float32 arrays
        Mean 0, standard deviation 1 over valid pixels, 0 elsewhere; at least two.
    boxes : sequence of (k, 2) int arrays
        First row and column of each picture's windows, which lie inside the picture.
    classes : (n,) int array
        Class of each picture, from 0, and so of each of its windows; one may be without pictures, but not all but one.
    plan : Plan
        Its `class_weight` is of no meaning here.
    device : str
        As in `device_named`.
    tell : callable
        Told of each epoch. The classifier is ready to predict then: after the last epoch, it is what is given back.

    Returns
    -------
    Classifier
        The same, ready to predict, on the device.

    Raises
    ------
    ImageError
        A picture is not finite, or has no window, or one beyond its edge.
    ArtefactError
        Fewer than two pictures, or all of one class; training diverged; memory does not suffice for two windows.
    SettingsError
        The device is not there, or the windows are smaller than the classifier takes.
    ValueError
        Lengths differ, or a class is not one of the classifier's.
    """
    classes = np.asarray(classes)
    _check(classifier, pictures, boxes, classes, plan)
    where = device_named(device)
    classifier.to(where)
    trainer = Trainer(classifier, plan, where, _cross_entropy)
    windows = Windows(pictures, boxes, np.zeros(len(classes)), classes, plan.window)
    k = classifier.n_classes
    started = time.monotonic()
    for epoch in range(plan.epochs):
        before = time.monotonic()
        counts = torch.zeros(k * k, dtype=torch.int64, device=where)

        def count(told: torch.Tensor, true: torch.Tensor | None, counts: torch.Tensor = counts) -> None:
            assert true is not None
            counts += torch.bincount(k * true + told.argmax(dim=1), minlength=k * k)

        classifier.train()
        loss = trainer.epoch(epoch, windows, count)
        last = epoch == plan.epochs - 1
        standardise(classifier, windows, trainer.part, plan.seed, where, batches=None if last else _BATCHES)
        classifier.eval()
        now = time.monotonic()
        left = (now - started) / (epoch + 1) * (plan.epochs - epoch - 1)
        confusion = counts.cpu().numpy().reshape(k, k)
        tell(ClassifierEpoch(epoch + 1, plan.epochs, loss, confusion, now - before, left))
    return classifier


def window_activations(
    classifier: Classifier, picture: np.ndarray, boxes: np.ndarray, window: int, *, batch: int = 32
) -> tuple[np.ndarray, np.ndarray]:
    """What a classifier says of each window of a picture, and the activations it says it from, in one pass.

    Parameters
    ----------
    classifier : Classifier
        In whatever state; it is left in it.
    picture : (rows, cols) float32 array
        As in `fit_classifier`.
    boxes : (n, 2) int array
        First row and column of each window, at least one.
    window : int
        Edge of a window, pixels.
    batch : int
        Windows computed at a time.

    Returns
    -------
    probabilities : (n, n_classes) float64 array
        They sum to 1.
    activations : (n, channels, r, c) float32 array
        Of the last layer, none negative. The logits of the classes are `classifier.logits` of their means over cells.

    Raises
    ------
    ImageError
        The picture is not finite, has no window or one beyond its edge; windows are smaller than the classifier takes.
    ArtefactError
        Memory does not suffice for one window.
    """
    boxes = np.asarray(boxes, int).reshape(-1, 2)
    if not np.isfinite(picture).all():
        raise ImageError("picture holds values that are not finite: mask them with 0")
    if len(boxes) == 0 or (boxes < 0).any() or (boxes + window > picture.shape).any():
        raise ImageError(
            f"picture of {picture.shape[0]} x {picture.shape[1]} pixels has no window of {window} pixels, or one "
            "beyond its edge: choose smaller windows"
        )
    was_training = classifier.training
    device = classifier.head.weight.device

    def of(span: slice) -> torch.Tensor:
        cut = np.stack([picture[row : row + window, col : col + window] for row, col in boxes[span]])
        return classifier.activations(torch.from_numpy(cut.astype(np.float32))[:, None].to(device)).cpu()

    def seen(part: int) -> torch.Tensor:
        return torch.cat([of(slice(first, first + part)) for first in range(0, len(boxes), part)])

    classifier.eval()
    with torch.inference_mode():
        activations, _ = in_parts(seen, min(batch, len(boxes)), f"a window of {window} x {window} pixels")
        logits = classifier.logits(activations.mean((2, 3)).to(device)).cpu()
    classifier.train(was_training)
    return logits.double().softmax(dim=1).numpy(), activations.contiguous().numpy()


def _cross_entropy(told: torch.Tensor, y: torch.Tensor, classes: torch.Tensor | None) -> torch.Tensor:
    """Sum over windows; there is no property."""
    assert classes is not None
    return F.cross_entropy(told, classes, reduction="sum")


def _check(
    classifier: Classifier,
    pictures: Sequence[np.ndarray],
    boxes: Sequence[np.ndarray],
    classes: np.ndarray,
    plan: Plan,
) -> None:
    if not len(pictures) == len(boxes) == len(classes):
        raise ValueError(
            f"{len(pictures)} pictures, {len(boxes)} sets of windows, {len(classes)} classes: as many of each"
        )
    if not all(0 <= code < classifier.n_classes for code in classes):
        raise ValueError(f"classes must be numbers from 0 to {classifier.n_classes - 1}")
    if len(pictures) < 2:
        raise ArtefactError(f"a classifier can not be trained on {len(pictures)} picture: give at least two")
    if len(np.unique(classes)) < 2:
        raise ArtefactError(f"all pictures of the training are of class {classes[0]}: nothing can be learned")
    check_pictures(pictures, boxes, plan.window)
    if plan.window < classifier.stride:
        raise SettingsError(f"windows of {plan.window} pixels: the classifier takes at least {classifier.stride}")
