"""Pictures to lay over the picture, from the picture itself or from a model."""

from collections.abc import Callable

from micro_features.app.desk import Desk
from micro_features.app.engine import LayerValues, View
from micro_features.app.requests import Asked
from micro_features.app.stack import Superseded
from micro_features.errors import MicroFeaturesError

OF_PICTURE = ("original", "flattened", "boundary")


class Missing(MicroFeaturesError):
    """A layer that needs what the page was not started with."""


def layer(desk: Desk, name: str, asked: Asked, view: View, superseded: Callable[[], bool]) -> LayerValues:
    """A layer.

    Parameters
    ----------
    desk : Desk
    name : str
        One of `OF_PICTURE`, ``"gradcam"`` or ``"shap"``.
    asked : Asked
    view : View
    superseded : callable

    Returns
    -------
    LayerValues

    Raises
    ------
    Missing
        There is no such layer, or no model for it.
    Superseded
    """
    bench = desk.opened.bench(asked.index)
    if name in OF_PICTURE:
        return bench.layer(name, asked.settings, asked.operations, view, superseded)
    if name == "gradcam":
        if desk.network is None:
            raise Missing("no network was given: start again with --network, as in --network llzto-cnn.")
        from micro_features.app.heat import heat_layer, heat_of

        with desk.heating:
            if asked.index not in desk.heats:
                if superseded():
                    raise Superseded
                desk.heats[asked.index] = heat_of(desk.network, bench.micrograph)
        return heat_layer(desk.heats[asked.index], view)
    if name == "shap":
        if desk.model is None:
            raise Missing("no model was given: start again with --model, as in --model llzto-xgboost.")
        from micro_features.app.heat import shap_layer

        outcome = bench.result(asked.settings, asked.operations, superseded)
        return shap_layer(desk.model, outcome.row, outcome.segmentation, asked.settings, view)
    raise Missing(f"there is no layer {name[:40]!r}.")
