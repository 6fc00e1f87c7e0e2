"""What the page is told of the program: its controls, presets, layers and models."""

import math
from typing import Any

from micro_features.files.artefacts import shipped
from micro_features.pipeline import BOUNDARY_WEIGHTS, PORE_WEIGHTS
from micro_features.settings import METHODS, Control, Settings, controls

_STEPS = 200
_WEIGHTS = {"pores.model": PORE_WEIGHTS, "grains.model": BOUNDARY_WEIGHTS}

LAYERS: tuple[dict[str, Any], ...] = tuple(
    {"name": name, "label": label, "description": description, "kind": kind, "slow": slow}
    for name, label, description, kind, slow in (
        ("original", "Original", "The picture as it was read.", "grey", False),
        (
            "flattened",
            "Flattened",
            "Light and contrast evened out, pores left out, at the size at which grains are looked for.",
            "grey",
            True,
        ),
        ("boundary", "Boundary strength", "Strength of evidence for a grain boundary, 0 to 1.", "grey", True),
        ("grains", "Grains", "Each grain in a colour of its own, or outlined.", "labels", False),
        ("pores", "Pores", "What was taken for pores.", "labels", False),
        ("phases", "Phases", "Pore, grain boundary and grain interior.", "labels", False),
        (
            "gradcam",
            "Grad-CAM",
            "Where the network given by --network looks: what raises its prediction, and what lowers it.",
            "signed",
            True,
        ),
        (
            "shap",
            "SHAP by phase",
            "What pores and grain structure add to the prediction of the model given by --model.",
            "signed",
            True,
        ),
    )
)

PRESETS: tuple[dict[str, Any], ...] = (
    {
        "name": "best",
        "description": "Trained classifiers find pores and grains: the more accurate way.",
        "changes": METHODS["best"],
    },
    {
        "name": "fast",
        "description": "Local contrast and plain merging find pores and grains: the quicker way.",
        "changes": METHODS["fast"],
    },
)


def choices_of_models() -> dict[str, list[str]]:
    """Trained models that ship, by the setting that names one."""
    folders = sorted(path for path in shipped("models").iterdir() if path.is_dir())
    return {
        name: [path.name for path in folders if all((path / each).is_file() for each in weights)]
        for name, weights in _WEIGHTS.items()
    }


def models_named(settings: Settings) -> dict[str, str]:
    """The trained models that settings name, by setting."""
    values = settings.dotted()
    return {name: str(values[name]) for name in _WEIGHTS}


def described(models: dict[str, list[str]]) -> list[dict[str, Any]]:
    """Controls of all settings that change something on a picture.

    Parameters
    ----------
    models : dict of str to list of str
        Models that may be chosen, by setting.
    """
    return [_control(each, models.get(each.name)) for each in controls() if each.affects != "elsewhere"]


def _control(control: Control, models: list[str] | None) -> dict[str, Any]:
    choices = [*control.choices] if models is None else models
    return {
        "name": control.name,
        "section": control.section,
        "section_description": control.section_description,
        "label": control.label,
        "kind": control.kind if models is None else "choice",
        "minimum": control.minimum,
        "maximum": control.maximum,
        "step": _step(control),
        "logarithmic": control.logarithmic,
        "plausible": control.plausible,
        "unit": control.unit,
        "choices": choices or None,
        "description": control.description,
        "default": control.default,
        "when": control.when,
        "affects": control.affects,
    }


def _step(control: Control) -> float | None:
    """A round step, of which a slider has a few hundred."""
    if control.kind == "integer":
        return 1
    if control.kind != "number" or control.minimum is None or control.maximum is None:
        return None
    low, high = control.plausible if control.logarithmic and control.plausible else (control.minimum, control.maximum)
    rough = (high - low) / _STEPS
    power = 10.0 ** math.floor(math.log10(rough))
    return float(f"{max(each * power for each in (1, 2, 5) if each * power <= rough * 1.0001):.1g}")
