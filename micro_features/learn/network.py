"""A small residual network that reads a property, and its class, from a picture.

Fully convolutional with a global mean at the end: it takes a window or a whole picture, and nothing in it knows a
place. Pictures are halved behind a fixed low-pass filter, so that what it says hardly depends on how grains fall on the
grid of a layer (Zhang 2019, ICML, Making convolutional networks shift-invariant again).

Channels are normalised in one of two ways, and which is better depends on the pictures:

- in each picture, over groups of channels (Wu and He 2018, ECCV, Group normalization). What a microscope session does
  to all of a picture alike goes, so it carries over better to other sessions. But many pores, or deep grooves, change
  every cell of the picture then, and a network can read either from places that have none. And the means over a
  picture, which are all that the last layer is given, are nearly the same in all pictures: how deep grooves are is
  hardly learned from drawn sets in 25 epochs (median R2 of 20 sets 0.15), and maps then point at pores.
- over the training windows (Ioffe and Szegedy 2015, ICML, Batch normalization). Once trained, a cell depends on nothing
  but what lies around it, and that depth is learned (R2 0.65). What sessions differ by stays, as far as standardising
  the picture leaves it. Beyond the edge the border is repeated, so that a whole picture is like its windows.
"""

import copy
from dataclasses import dataclass
from typing import Literal

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import nn

from micro_features.errors import ArtefactError, ImageError, SettingsError

NORMALISED = ("picture", "set")
MOST_CHANNELS = 1024
"""Far more than is of use. A file that asks for many more would take all memory before its weights are looked at."""
_STEM_GROUPS, _STAGE_GROUPS = 4, 8  # of channels that are normalised together in a picture


@dataclass(frozen=True)
class Architecture:
    """What fixes the shape of a network's weights.

    Parameters
    ----------
    channels : tuple of int
        Of each stage, shallow to deep; multiples of 8 if normalised in the picture, at most 1024. Every stage halves
        the picture.
    stem_channels : int
        Of the first layer, a multiple of 4 likewise, at most 1024. It halves the picture as well.
    n_classes : int
        0 for a network that tells the property only; at most 1024.
    normalised : {"picture", "set"}
        Whether channels are normalised in each picture or over the training windows.

    Raises
    ------
    SettingsError
        A number is outside what is said above.
    """

    channels: tuple[int, ...] = (32, 64, 96)
    stem_channels: int = 16
    n_classes: int = 0
    normalised: str = "picture"

    def __post_init__(self) -> None:
        if self.normalised not in NORMALISED:
            raise SettingsError(f"normalised is {self.normalised!r}: choose one of {', '.join(NORMALISED)}")
        stage, stem = (_STAGE_GROUPS, _STEM_GROUPS) if self.normalised == "picture" else (1, 1)
        stages = bool(self.channels) and all(n > 0 and n % stage == 0 for n in self.channels)
        if (
            not stages
            or self.stem_channels < 1
            or self.stem_channels % stem
            or self.n_classes < 0
            or max(*self.channels, self.stem_channels, self.n_classes) > MOST_CHANNELS
        ):
            raise SettingsError(
                f"network with channels {self.channels}, {self.stem_channels} in the stem, {self.n_classes} classes: "
                f"channels must be multiples of {stage}, of {stem} in the stem, classes 0 or more, and none of them "
                f"more than {MOST_CHANNELS}"
            )


class Network(nn.Module):
    """Pictures in, property and classes out.

    Parameters
    ----------
    architecture : Architecture
    mean, sd : float
        Of the property over the training pictures, model units (log10 S/cm for a conductivity); kept with the weights.

    Attributes
    ----------
    layers : ModuleDict
        `stem`, `stage1`, `stage2` ..., shallow to deep; each gives (n, channels, rows, cols), none negative.
    strides : dict of str to int
        Network pixels in the edge of one cell of a layer: 2, 4, 8 ...
    cell_origin : float
        Where the first cell of every layer begins, network pixels from the picture's edge. Filters of the stem are
        centred on pixels 0, 2, 4 and so on, and not between two pixels; those of the stages are centred on their cells.
    smallest : int
        Pixels in the shorter side of the smallest picture that it takes: the edge of one cell of the deepest layer.
    """

    mean: torch.Tensor
    sd: torch.Tensor
    cell_origin = -0.5

    def __init__(self, architecture: Architecture, mean: float = 0.0, sd: float = 1.0) -> None:
        super().__init__()
        self.architecture = architecture
        self.layers = nn.ModuleDict({"stem": _stem(architecture.stem_channels, architecture.normalised)})
        self.strides = {"stem": 2}
        given = architecture.stem_channels
        for number, channels in enumerate(architecture.channels, start=1):
            self.layers[f"stage{number}"] = _Stage(given, channels, architecture.normalised)
            self.strides[f"stage{number}"] = 2 ** (number + 1)
            given = channels
        self.smallest = 2 ** (len(architecture.channels) + 1)
        head = nn.Linear(given, 1 + architecture.n_classes)
        self.head = nn.Sequential(nn.BatchNorm1d(given), head) if architecture.normalised == "set" else head
        self.register_buffer("mean", torch.tensor(float(mean)))
        self.register_buffer("sd", torch.tensor(float(sd)))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster, same result

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Property and classes of pictures.

        Parameters
        ----------
        x : (n, 1, rows, cols) float tensor
            Pictures of mean 0 and standard deviation 1 over their valid pixels, 0 elsewhere.

        Returns
        -------
        (n, 1 + n_classes) float tensor
            Column 0 the property in model units, the others logits of the classes, lowest class first.

        Raises
        ------
        ImageError
            The pictures are smaller than `smallest`.
        """
        rows, cols = x.shape[-2:]
        if min(rows, cols) < self.smallest:
            raise ImageError(
                f"picture of {rows} x {cols} pixels at the network's scale: it takes at least {self.smallest} x "
                f"{self.smallest}; give a larger picture or reduce it less"
            )
        x = x.contiguous(memory_format=torch.channels_last)
        for layer in self.layers.values():
            x = layer(x)
        # In half precision, as on a graphics card, means and sums would lose the digits that count.
        told = self.head(x.mean((2, 3), dtype=torch.float32)).float()
        return torch.cat([self.mean + self.sd * told[:, :1], told[:, 1:]], dim=1)


def _convolution(given: int, channels: int, size: int, normalised: str, stride: int = 1) -> nn.Conv2d:
    beyond: Literal["replicate", "zeros"] = "replicate" if normalised == "set" else "zeros"
    return nn.Conv2d(given, channels, size, stride=stride, padding=size // 2, padding_mode=beyond, bias=False)


def _norm(channels: int, normalised: str, groups: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if normalised == "set" else nn.GroupNorm(groups, channels)


def _stem(channels: int, normalised: str) -> nn.Sequential:
    # The one stride without a fixed filter before it: at full size, a convolution and a filter cost too much.
    convolution = _convolution(1, channels, 5, normalised, stride=2)
    return nn.Sequential(convolution, _norm(channels, normalised, _STEM_GROUPS), nn.ReLU())


class _Halved(nn.Module):
    """Half the size, behind a 4 x 4 binomial low-pass filter; the border is repeated outwards."""

    kernel: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        binomial = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        kernel = (binomial[:, None] * binomial).expand(channels, 1, 4, 4).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), self.kernel, stride=2, groups=len(self.kernel))


class _Stage(nn.Module):
    """Half the size, then a residual block of two 3 x 3 convolutions."""

    def __init__(self, given: int, channels: int, normalised: str) -> None:
        super().__init__()
        self.halved = _Halved(given)
        self.first = _convolution(given, channels, 3, normalised)
        self.first_norm = _norm(channels, normalised, _STAGE_GROUPS)
        self.second = _convolution(channels, channels, 3, normalised)
        self.second_norm = _norm(channels, normalised, _STAGE_GROUPS)
        self.beside = nn.Identity() if given == channels else nn.Conv2d(given, channels, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.halved(x)
        change = self.second_norm(self.second(F.relu(self.first_norm(self.first(x)))))
        return F.relu(self.beside(x) + change)


def rounded(network: Network) -> Network:
    """The network with its weights rounded to half precision (11 bits), which halves its file.

    It is still computed in single precision.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Network
        A copy, in the state (training or not) of the original. Mean and sd of the property stay as they are.
    """
    result = copy.deepcopy(network)
    with torch.no_grad():
        for weight in result.parameters():
            weight.copy_(weight.half())
    return result


def to_bytes(network: Network) -> bytes:
    """Weights as a safetensors file, plain numbers without code.

    Parameters
    ----------
    network : Network
        Weights that `rounded` gave are stored in half precision, others in single: what is read is what was written.

    Returns
    -------
    bytes
    """
    held = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    weights = [name for name, _ in network.named_parameters()]
    if all(torch.equal(held[name].half().float(), held[name]) for name in weights):
        held |= {name: held[name].half() for name in weights}
    return safetensors.torch.save(held)


def from_bytes(data: bytes, architecture: Architecture) -> Network:
    """The network that `to_bytes` wrote.

    Parameters
    ----------
    data : bytes
    architecture : Architecture
        That of the network that was written.

    Returns
    -------
    Network
        On the CPU, ready to predict.

    Raises
    ------
    ArtefactError
        The bytes are damaged, or the weights are those of another architecture or not finite.
    """
    try:
        held = safetensors.torch.load(data)
    except (SafetensorError, ValueError) as error:
        raise ArtefactError(f"weights of the network are damaged ({error}): fetch or train the model anew") from error
    with torch.random.fork_rng(devices=[]):  # a new network draws weights; the caller's random numbers stay put
        network = Network(architecture)
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in held.items()}
    if found != wanted:
        name = next(name for name in wanted | found if found.get(name) != wanted.get(name))
        raise ArtefactError(
            f"weights of another architecture: {name} is {found.get(name, 'missing')}, not "
            f"{wanted.get(name, 'expected')}; use the model's own card with its weights"
        )
    if not all(bool(torch.isfinite(value).all()) for value in held.values()):
        raise ArtefactError("weights of the network are not finite: fetch or train the model anew")
    network.load_state_dict({name: value.float() for name, value in held.items()})
    return network.eval()
