"""Where a network looks: signed maps of what each place of a layer adds to one output.

Grad-CAM as published drops what is negative and stretches each map to the picture and to 0..1. Neither is done here: in
a regression the negative half says what lowers the prediction, stretched maps can not be compared, and enlarging hides
how coarse the layer is. `clipped` and `enlarged` do both for those who want to look.

LayerCAM (Jiang et al. 2021, IEEE Transactions on Image Processing 30, 5875) is sum_c relu(gradient) * activation; taken
for positive and for negative gradients and subtracted, it is HiResCAM: there are two methods, not three.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from micro_features.images.cells import Cells

METHODS = ("gradcam", "hirescam")


def heat_map(
    network: nn.Module,
    layer: nn.Module,
    x: np.ndarray | torch.Tensor,
    *,
    target: int = 0,
    method: str = "gradcam",
) -> np.ndarray:
    """Signed map of one output over the cells of one layer, from one pass of the whole picture.

    With A_c the activations of the layer's channel c and G_c the output's gradient with respect to them:

    - ``"gradcam"``: sum_c mean(G_c) A_c (Selvaraju et al. 2017, ICCV, 618), without its final rectifier. A channel has
      one weight for the whole picture, so places can light up that the output does not depend on.
    - ``"hirescam"``: sum_c G_c A_c at each place (Draelos and Carin 2020, arXiv 2011.08891), which can not.

    Where only an average over the picture and a linear head follow the layer, the two are equal, and the sum of the map
    is exactly the output less what it would be with no activation at all. In earlier layers a map holds the part of the
    output that is linear in that layer, and its sum need not be the output.

    The network is run as for predictions (``eval``) and left as it was found; no ``.grad`` is filled.

    Parameters
    ----------
    network : nn.Module
        From (1, 1, rows, cols) to (1, outputs).
    layer : nn.Module
        A part of `network` that runs once and puts out (1, channels, rows, cols).
    x : (rows, cols) array or tensor
        The picture as the network was trained on it.
    target : int
        Column of the output: 0 is the property, the logits of the classes follow.
    method : str
        ``"gradcam"`` or ``"hirescam"``.

    Returns
    -------
    (cell rows, cell cols) float32 array
        Contribution of each cell, in the unit of the output (log10 S/cm of a property): positive raises it.

    Raises
    ------
    ValueError
        If the method, the output's column or the layer is not there, or the layer has no cells.
    """
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, not one of {', '.join(METHODS)}")
    if not any(part is layer for part in network.modules()):
        raise ValueError("layer is no part of the network: take one of its own modules")
    like = next(network.parameters(), torch.zeros(()))
    picture = torch.as_tensor(x).to(like)
    if picture.ndim != 2:
        raise ValueError(f"x has shape {tuple(picture.shape)}, not (rows, cols)")

    kept: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        # The rest of the network starts from a copy: gradients end here, even where all weights are frozen, and what
        # writes over its input does not write over the activations.
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()

    training = [part for part in network.modules() if part.training]
    hook = layer.register_forward_hook(keep)
    try:
        network.eval()
        with torch.enable_grad():
            output = network(picture[None, None])
    finally:
        hook.remove()
        for part in training:
            part.training = True
    if len(kept) != 1:
        raise ValueError(f"layer ran {len(kept)} times in one pass: a map needs a layer that runs once")
    if kept[0].ndim != 4:
        raise ValueError(f"layer puts out shape {tuple(kept[0].shape)}, not (1, channels, rows, cols)")
    if not 0 <= target < output.shape[1]:
        raise ValueError(f"target is {target}, the network's outputs are 0 to {output.shape[1] - 1}")

    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(output[0, target], kept)
    activation, gradient = kept[0].detach()[0], gradient[0]
    if method == "gradcam":
        gradient = gradient.mean(dim=(1, 2), keepdim=True)
    return (gradient * activation).sum(dim=0).cpu().numpy().astype(np.float32)


def clipped(values: np.ndarray, sign: int) -> np.ndarray:
    """One half of a signed map.

    Parameters
    ----------
    values : (rows, cols) float array
    sign : int
        1 keeps what raises the output, -1 what lowers it.

    Returns
    -------
    (rows, cols) float array
        At least 0: how far each cell raises, or lowers.
    """
    if sign not in (1, -1):
        raise ValueError(f"sign is {sign}, not 1 or -1")
    return np.maximum(sign * values, 0)


def enlarged(values: np.ndarray, shape: tuple[int, int], cells: Cells) -> np.ndarray:
    """A map at the size of a picture, to look at or to rank pixels by: it holds nothing that the cells do not.

    Bilinear between the centres of the cells, constant beyond the outermost ones.

    Parameters
    ----------
    values : (cell rows, cell cols) float array
    shape : (rows, cols)
        Of the picture, pixels.
    cells : Cells
        In pixels of that picture. A cell that hangs over the edge stays in its place.

    Returns
    -------
    (rows, cols) float32 array
        In the unit of the cells, not shared out over their pixels.
    """
    large = values.astype(np.float32)
    for axis, (size, n) in enumerate(zip(shape, values.shape, strict=True)):
        place = np.clip((np.arange(size) + 0.5 - cells.origin) / cells.edge - 0.5, 0, n - 1)
        low = place.astype(np.intp)
        share = np.expand_dims((place - low).astype(np.float32), 1 - axis)
        high = np.minimum(low + 1, n - 1)
        large = (1 - share) * large.take(low, axis) + share * large.take(high, axis)
    return large


def resolved_layer(strides: Mapping[str, int], reduction: float, structure_px: float) -> str | None:
    """The deepest layer whose cells are fine enough for a structure.

    Parameters
    ----------
    strides : mapping
        Network pixels per cell, by layer.
    reduction : float
        Picture pixels per network pixel.
    structure_px : float
        Mean diameter of the structure (grains), picture pixels; NaN where there is none.

    Returns
    -------
    str or None
        Deepest layer whose cell is at most half the diameter (two cells a structure, as sampling asks for); None where
        there is none: the maps can not resolve the structure, and nothing may be read from them about it.
    """
    fine = {layer: stride for layer, stride in strides.items() if stride * reduction <= structure_px / 2}
    return max(fine, key=fine.__getitem__) if fine else None
