"""Show a network every window of the training pictures, epoch by epoch: what all trainings here have in common.

What a network is to say, and how far it is from that, is the caller's choice: a loss is handed in.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from torch import nn

from micro_features.errors import ArtefactError, ImageError
from micro_features.learn.augment import augmented
from micro_features.learn.device import in_parts
from micro_features.learn.plan import Plan, one_cycle

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
"""Takes what the network said of windows, their property and their class; gives the sum over windows."""


class Windows:
    """Every window of every picture, cut when it is needed.

    Parameters
    ----------
    pictures : sequence of (rows, cols) float32 arrays
    boxes : sequence of (k, 2) int arrays
        First row and column of each picture's windows, which lie inside the picture.
    y : (n,) float array
        Property of each picture.
    classes : (n,) int array, optional
        Class of each picture, from 0.
    size : int
        Edge of a window, pixels.
    """

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


class Trainer:
    """AdamW with a one-cycle schedule on varied windows; in mixed precision on CUDA.

    Parameters
    ----------
    network : Module
        Changed in place; on the device, and in the state to train.
    plan : Plan
    device : torch.device
    loss : callable
        As `Loss` says.

    Attributes
    ----------
    optimiser : Optimizer
    scaler : GradScaler
    part : int
        Windows computed at a time: all of a batch, or less where memory ran out.
    """

    def __init__(self, network: nn.Module, plan: Plan, device: torch.device, loss: Loss) -> None:
        self.network, self.plan, self.device, self.loss = network, plan, device, loss
        self.optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
        self.scaler = torch.amp.GradScaler("cuda", enabled=device.type == "cuda")
        self.part = plan.batch

    def epoch(
        self,
        number: int,
        windows: Windows,
        shown: Callable[[torch.Tensor, torch.Tensor | None], None] = lambda told, classes: None,
    ) -> float:
        """Show every window once.

        Parameters
        ----------
        number : int
            From 0; decides order and variation, with the plan's seed.
        windows : Windows
        shown : callable
            Takes what the network said of a batch while it was trained on it, and its classes.

        Returns
        -------
        float
            Mean loss of a window.

        Raises
        ------
        ArtefactError
            The training diverged; memory does not suffice for two windows.
        """
        generator = torch.Generator().manual_seed(seeded(self.plan.seed, number + 1))
        steps = windows.steps(self.plan.batch)
        total = torch.zeros((), device=self.device)
        for step, (x, y, classes) in enumerate(windows.batches(self.plan.batch, generator), start=number * steps):
            rate, momentum = one_cycle(step, steps * self.plan.epochs, self.plan.learning_rate)
            for group in self.optimiser.param_groups:
                group["lr"], group["betas"] = rate, (momentum, group["betas"][1])
            x = augmented(x.to(self.device), self.plan.augmentation, generator)
            classes = None if classes is None else classes.to(self.device)
            loss, told = self._step(x, y.to(self.device), classes)
            total += loss
            shown(told, classes)
        mean = float(total) / steps
        if not np.isfinite(mean):
            raise ArtefactError(
                f"training diverged in epoch {number + 1} (loss {mean}) at a learning rate of "
                f"{self.plan.learning_rate:g}: choose a lower one"
            )
        return mean

    def _step(
        self, x: torch.Tensor, y: torch.Tensor, classes: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        said: list[torch.Tensor] = []

        def gradients(part: int) -> torch.Tensor:
            said.clear()
            self.optimiser.zero_grad()
            total = torch.zeros((), device=self.device)
            # Evenly: the network standardises over the windows that it sees at once, which takes two.
            for chunk in torch.arange(len(x)).tensor_split(min(-(-len(x) // part), len(x) // 2)):
                span = slice(int(chunk[0]), int(chunk[-1]) + 1)
                with torch.autocast("cuda", torch.float16, enabled=self.device.type == "cuda"):
                    told = self.network(x[span])
                loss = self.loss(told, y[span], None if classes is None else classes[span]) / len(x)
                self.scaler.scale(loss).backward()
                total += loss.detach()
                said.append(told.detach())
            return total

        size = min(self.part, len(x))
        loss, self.part = in_parts(gradients, size, f"two windows of {x.shape[-1]} pixels", least=2)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return loss, torch.cat(said)


def standardise(
    network: nn.Module, windows: Windows, part: int, seed: int, device: torch.device, *, batches: int | None = None
) -> None:
    """Take the means that a network standardises by from windows as they are.

    Until then they are those of late steps, of windows that were varied (Wu and Johnson 2021, Rethinking "Batch" in
    BatchNorm, arXiv 2105.07576); while a network still learns fast they lag behind its weights.

    Parameters
    ----------
    network : Module
        In the state to train; changed in place. One without batch normalization stays as it is.
    windows : Windows
    part : int
        Windows computed at a time, at least 2.
    seed : int
        Of the order of the windows.
    device : torch.device
        That of the network.
    batches : int, optional
        Only from so many batches; from all where left out.

    Raises
    ------
    ArtefactError
        Memory does not suffice for two windows.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)]
    if not norms:
        return

    def shown(several: int) -> torch.Tensor:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean of all that is shown
        with torch.no_grad():
            for x, _, _ in islice(windows.batches(several, torch.Generator().manual_seed(seeded(seed, 0))), batches):
                network(x.to(device))
        return torch.zeros(())

    in_parts(shown, part, f"two windows of {windows.size} pixels", least=2)


def seeded(seed: int, use: int) -> int:
    """Seed of one use of random numbers: 0 for first weights, then one for each epoch."""
    return int(np.random.SeedSequence([seed, use]).generate_state(1, np.uint64)[0])


def check_pictures(pictures: Sequence[np.ndarray], boxes: Sequence[np.ndarray], window: int) -> None:
    """Refuse pictures that a network can not be shown.

    Parameters
    ----------
    pictures : sequence of (rows, cols) float arrays
    boxes : sequence of (k, 2) int arrays
        First row and column of each picture's windows.
    window : int
        Edge of a window, pixels.

    Raises
    ------
    ImageError
        A picture is not finite, has no window, or one beyond its edge.
    """
    for number, (picture, each) in enumerate(zip(pictures, boxes, strict=True), start=1):
        if not np.isfinite(picture).all():
            raise ImageError(f"picture {number} of the training holds values that are not finite: mask them with 0")
        ends = np.asarray(each).reshape(-1, 2) + window
        if len(ends) == 0 or (ends > picture.shape).any() or (ends < window).any():
            raise ImageError(
                f"picture {number} of the training is {picture.shape[0]} x {picture.shape[1]} pixels and has no "
                f"window of {window} pixels, or one beyond its edge: choose smaller windows"
            )
