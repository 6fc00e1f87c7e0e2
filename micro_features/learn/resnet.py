"""ResNet18, the network that the published study fine-tuned, without its last layer; and weights for it from a file.

He, Zhang, Ren and Sun 2016, CVPR, Deep residual learning for image recognition: table 1, column "18-layer", shortcuts
by projection where the shape changes (option B). Parameters have the names by which its ImageNet weights are commonly
stored, so that such a file fits.

ImageNet weights were trained on three channels normalised by ImageNet's own means and standard deviations: about mean
0, standard deviation 1. Pictures that are standardised one by one and given three times are that too, and lose the
gain and offset of the detector; the study normalised its pictures by ImageNet's constants instead.
"""

import safetensors.torch
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import nn

from micro_features.errors import ArtefactError

IN_CHANNELS, CHANNELS = 3, 512
STRIDE = 32
"""Pixels in the edge of one cell of what the network gives."""
CELL_ORIGIN = -15.5
"""Where the first cell begins, pixels from the picture's edge: filters are centred on pixels 0, 32, 64 and so on."""

_LAST = "fc."  # the layer of the 1000 classes of ImageNet
_COUNT = "num_batches_tracked"  # of no use with a fixed momentum; some files leave it out


class ResNet18(nn.Module):
    """Pictures of three channels in, cells of 512 channels out, none negative.

    First weights follow He et al. 2015, ICCV, Delving deep into rectifiers (normal, by fan out).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(IN_CHANNELS, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(_Block(64, 64, 1), _Block(64, 64, 1))
        self.layer2 = nn.Sequential(_Block(64, 128, 2), _Block(128, 128, 1))
        self.layer3 = nn.Sequential(_Block(128, 256, 2), _Block(256, 256, 1))
        self.layer4 = nn.Sequential(_Block(256, CHANNELS, 2), _Block(CHANNELS, CHANNELS, 1))
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster, same result

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Activations of the last layer.

        Parameters
        ----------
        x : (n, 3, rows, cols) float tensor

        Returns
        -------
        (n, 512, r, c) float tensor
            A side of r cells for every 32 pixels begun: 11 for 340.
        """
        x = x.contiguous(memory_format=torch.channels_last)
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


class _Block(nn.Module):
    """Two 3 x 3 convolutions beside what they are given."""

    def __init__(self, given: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(given, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or given != channels:
            projection = nn.Conv2d(given, channels, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        change = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(self.downsample(x) + change)


def imagenet_weights(data: bytes) -> dict[str, torch.Tensor]:
    """Weights for `ResNet18` from a safetensors file with the common names (``layer1.0.conv1.weight`` ...).

    Parameters
    ----------
    data : bytes
        The file. Weights of its last layer (``fc``) may be there and are left out: they tell ImageNet's 1000 classes.

    Returns
    -------
    dict of str to Tensor
        Single precision; what `ResNet18.load_state_dict` takes.

    Raises
    ------
    ArtefactError
        The bytes are a pickle (.pth), which could run code, or damaged; a name or a shape is not that of a ResNet18;
        a weight is not finite.
    """
    try:
        held = safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError) as error:
        # Only now: the first byte of a safetensors file may be that of a pickle.
        if data.startswith((b"PK", b"\x80")):
            raise ArtefactError(
                "weights are read as safetensors only, since a .pth file can run code: convert it once with "
                "safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW)"
            ) from error
        raise ArtefactError(f"file of weights is damaged or no safetensors file ({error}): fetch it anew") from error
    with torch.random.fork_rng(devices=[]):  # a new network draws weights; the caller's random numbers stay put
        wanted = ResNet18().state_dict()
    found = {name: value for name, value in held.items() if not name.startswith(_LAST)}
    for name, value in wanted.items():
        if name.endswith(_COUNT):
            found.setdefault(name, torch.zeros((), dtype=torch.int64))
        if name not in found or found[name].shape != value.shape:
            there = tuple(found[name].shape) if name in found else "missing"
            raise ArtefactError(
                f"weights are not those of a ResNet18: {name} is {there}, not {tuple(value.shape)}; give a file with "
                "the names conv1.weight, bn1.weight, layer1.0.conv1.weight ..."
            )
    for name, value in found.items():
        if name not in wanted:
            raise ArtefactError(f"weights are not those of a ResNet18: it has no {name}; give those of a ResNet18")
        if not torch.isfinite(value).all():
            raise ArtefactError(f"weights of the network are not finite ({name}): fetch the file anew")
    return {name: value.to(wanted[name].dtype) for name, value in found.items()}
