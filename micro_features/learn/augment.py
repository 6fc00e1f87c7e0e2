"""What a network must not read from a picture: its orientation, and how the detector and the focus were set.

Scale and place stay as they are: a grain's size is what the network is to see, so there are no crops that are resized.
"""

import torch
import torch.nn.functional as F

from micro_features.learn.plan import Augmentation

_SMOOTH = (0.25, 0.5, 0.25)


def augmented(x: torch.Tensor, strength: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Windows as they might as well have been taken.

    Each is turned and mirrored into one of its eight positions, all as likely; then contrast, brightness, focus and
    noise are varied.

    Parameters
    ----------
    x : (n, 1, size, size) float tensor
        Square windows; not changed.
    strength : Augmentation
    generator : Generator
        Its state alone decides what is drawn. It may live on another device than `x`, so that a training draws the
        same on all.

    Returns
    -------
    (n, 1, size, size) float tensor
    """

    def draw(function: str, shape: tuple[int, ...]) -> torch.Tensor:
        return getattr(torch, function)(shape, generator=generator, device=generator.device).to(x.device)

    each = (len(x), 1, 1, 1)
    turned = torch.empty_like(x)
    position = (8 * draw("rand", (len(x),))).long()
    for number in range(8):
        chosen = torch.nonzero(position == number)[:, 0]
        windows = torch.rot90(x[chosen], number % 4, (2, 3))
        turned[chosen] = windows.flip(3) if number >= 4 else windows
    x = turned * torch.exp(strength.gain * draw("randn", each)) + strength.brightness * draw("randn", each)
    chosen = torch.nonzero(draw("rand", (len(x),)) < strength.blur)[:, 0]
    line = torch.tensor(_SMOOTH, device=x.device)
    x[chosen] = F.conv2d(F.pad(x[chosen], (1, 1, 1, 1), mode="replicate"), (line[:, None] * line)[None, None])
    return x.add_(strength.noise * draw("rand", each) * draw("randn", tuple(x.shape)))
