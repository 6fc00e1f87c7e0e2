"""Explanations laid over the picture: where a network looks, and what a model of features makes of each phase."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from micro_features import pipeline
from micro_features.app.engine import LayerValues, View
from micro_features.comparison.feature_side import MASK_OF, STRUCTURE
from micro_features.data import Box, Micrograph, Segmentation
from micro_features.fitting import property_model
from micro_features.fitting.property_model import PropertyModel
from micro_features.images.cells import Cells
from micro_features.network.cnn_model import CnnModel
from micro_features.network.pictures import network_picture
from micro_features.settings import Settings


class Heat(NamedTuple):
    """A map of a network over one picture.

    Attributes
    ----------
    values : (cell rows, cell cols) float32 array
        Signed, in decades; mean over the networks that were not trained on the picture.
    cells : Cells
        In pixels of the picture, from the frame's first one.
    frame : Box
        What the network sees of the picture.
    n_networks : int
    """

    values: np.ndarray
    cells: Cells
    frame: Box
    n_networks: int


def heat_of(model: CnnModel, micrograph: Micrograph) -> Heat:
    """Grad-CAM of a picture at its deepest layer.

    Parameters
    ----------
    model : CnnModel
    micrograph : Micrograph

    Returns
    -------
    Heat

    Raises
    ------
    ImageError, CalibrationError
        The network can not see such a picture.
    """
    from micro_features.explain.gradcam import heat_map

    seen = network_picture(micrograph, model.geometry)
    networks = [kept.network for kept in model.unseeing(seen.pixels_sha256)]
    layer, stride = list(networks[0].strides.items())[-1]
    maps = [heat_map(network, network.layers[layer], seen.x) for network in networks]
    cells = Cells(stride, networks[0].cell_origin).scaled(float(np.mean(seen.reduction)))
    return Heat(np.mean(maps, axis=0), cells, seen.frame, len(networks))


def heat_layer(heat: Heat, view: View) -> LayerValues:
    """A map at a view's pixels, each cell in its own size: how coarse it is must be seen.

    Parameters
    ----------
    heat : Heat
    view : View

    Returns
    -------
    LayerValues
        NaN where the network sees nothing.
    """
    first_row, last_row, first_col, last_col = heat.frame
    places, inside = [], []
    for start, extent, first, last, n in zip(
        (view.row, view.col),
        (view.rows, view.cols),
        (first_row, first_col),
        (last_row, last_col),
        heat.values.shape,
        strict=True,
    ):
        pixel = np.arange(start, start + extent, view.step)
        inside.append((pixel >= first) & (pixel <= last))
        places.append(heat.cells.holding(pixel - first + 0.5, n))
    values = np.where(inside[0][:, None] & inside[1], heat.values[np.ix_(*places)], np.float32(np.nan))
    end = float(np.abs(heat.values).max()) or 1.0
    said = (
        f"Grad-CAM, mean of {heat.n_networks} networks, cells of {heat.cells.edge:.0f} px; red raises the prediction, "
        "blue lowers it"
    )
    return LayerValues(values, -end, end, "decades", said)


def shap_layer(
    model: PropertyModel, row: dict[str, Any], segmentation: Segmentation, settings: Settings, view: View
) -> LayerValues:
    """SHAP values of one prediction, summed by phase and painted on it.

    Parameters
    ----------
    model : PropertyModel
    row : dict
        As in ``features.csv``.
    segmentation : Segmentation
    settings : Settings
    view : View

    Returns
    -------
    LayerValues
        NaN where a phase has no feature in the model, and in grain interiors; what texture holds is in the legend.
    """
    X = pd.DataFrame([row]).reindex(columns=model.columns).apply(pd.to_numeric, errors="coerce").astype(float)
    X.index = pd.Index([row["micrograph_id"]])
    found = property_model.attribute(model, X)
    phase_of = {feature.name: feature.phase for feature in model.features}
    total = dict.fromkeys(dict.fromkeys(phase_of[name] for name in found.names), 0.0)
    for name, value in zip(found.names, found.values[0], strict=True):
        total[phase_of[name]] += float(value)
    masks = pipeline.phases(segmentation, settings)._asdict()
    values = np.full(segmentation.valid.shape, np.nan, np.float32)
    said = []
    for group, phases in STRUCTURE.items():
        if known := [total[phase] for phase in phases if phase in total]:
            values[masks[MASK_OF[group]]] = sum(known)
            said.append(f"{group} {sum(known):+.2g}")
    placed = {phase for phases in STRUCTURE.values() for phase in phases}
    said += [f"{phase} {value:+.2g}, which has no place" for phase, value in total.items() if phase not in placed]
    end = max((abs(value) for value in total.values()), default=0.0) or 1.0
    return LayerValues(view.of(values), -end, end, found.unit, f"SHAP by phase: {'; '.join(said)}")
