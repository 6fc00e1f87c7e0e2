"""The sections of the settings: every field with its default, bounds, unit and meaning, stated once."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A part of the settings, named after a stage."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _tuned(
    default: Any,
    *,
    plausible: tuple[float, float] | None = None,
    when: tuple[str, str] | None = None,
    logarithmic: bool = False,
    **field: Any,
) -> Any:
    """A field that people tune.

    Parameters
    ----------
    default : Any
    plausible : (low, high), optional
        Values that two careful people may choose for the same picture: how far results hang on the choice is told
        over this range.
    when : (setting, value), optional
        It does something only where that setting has that value, or one of several, divided by ``|``.
    logarithmic : bool
        Equal factors matter alike, not equal steps.
    **field
        As for pydantic's ``Field``.
    """
    extra: dict[str, Any] = {"plausible": plausible, "when": when, "logarithmic": logarithmic}
    return Field(default, json_schema_extra={name: value for name, value in extra.items() if value}, **field)


class Reading(Section):
    """How files are opened."""

    max_pixels: int = Field(
        1_000_000_000, ge=1024, description="Largest picture that is opened, pixels; judged from the header."
    )


class Prepare(Section):
    """Illumination and noise."""

    window_px: float = _tuned(
        40.0,
        plausible=(25, 80),
        logarithmic=True,
        ge=5,
        le=500,
        description="Light and contrast are taken as even over a Gaussian of this standard deviation, pixels of the "
        "picture as it was shrunk to find grains.",
    )


class Pores(Section):
    """What is a pore."""

    method: Literal["classified", "local", "otsu", "yen", "sauvola", "fixed"] = Field(
        "classified",
        description="How pores are found: by a trained classifier of pixels (the better way), by local contrast with "
        "hysteresis (the faster way), or by one of the thresholds of the literature, for comparison.",
    )
    model: str = _tuned(
        "pore-xgboost",
        when=("pores.method", "classified"),
        min_length=1,
        description="Method classified: the trained classifier, by the name of a model that ships or the path of a "
        "folder that train-segmenter wrote.",
    )
    threshold: float = _tuned(
        0.5,
        plausible=(0.3, 0.7),
        when=("pores.method", "classified"),
        ge=0.05,
        le=0.95,
        description="Method classified: a region is a pore where that is at least so likely, 0 to 1.",
    )
    sensitivity: float = _tuned(
        0.5,
        plausible=(0.4, 0.6),
        when=("pores.method", "local"),
        ge=0,
        le=0.95,
        description="Method local: 0 takes only the darkest holes, 0.95 takes faint ones too.",
    )
    window_px: float = _tuned(
        50.0,
        plausible=(25, 100),
        when=("pores.method", "classified|local|sauvola"),
        logarithmic=True,
        ge=5,
        le=1000,
        description="Methods classified, local and sauvola: standard deviation of the Gaussian that defines the "
        "surroundings against which darkness is judged, pixels.",
    )
    level: float = _tuned(
        0.25,
        plausible=(0.2, 0.3),
        when=("pores.method", "fixed"),
        ge=0,
        le=1,
        description="Method fixed: grey level below which a pixel is pore.",
    )
    min_area_px: int = _tuned(
        12, plausible=(6, 24), logarithmic=True, ge=1, le=1_000_000, description="Smaller pores are dropped, pixels."
    )


class Grains(Section):
    """What is a grain."""

    method: Literal["learned", "watershed"] = Field(
        "learned",
        description="How grains are found: by watershed and merging across boundaries that trained classifiers judge "
        "(the better way), or that are weak on the whole (the faster way).",
    )
    model: str = _tuned(
        "boundary-xgboost",
        when=("grains.method", "learned"),
        min_length=1,
        description="Method learned: the trained classifiers, by the name of a model that ships or the path of a "
        "folder that train-segmenter wrote.",
    )
    merge_probability: float = _tuned(
        0.75,
        plausible=(0.6, 0.85),
        when=("grains.method", "learned"),
        ge=0.05,
        le=0.9,
        description="Method learned: neighbours are one grain where a boundary between them is less likely, 0 to 1.",
    )
    merge_level: float = _tuned(
        0.25,
        plausible=(0.2, 0.3),
        ge=0.02,
        le=0.9,
        description="Method watershed: neighbours are one grain where the boundary between them is weaker, 0 to 1. "
        "Both methods find the working scale with it.",
    )
    working_scale: float = Field(
        0.0, ge=0, le=16, description="Factor by which the picture is shrunk to find grains; 0 finds it."
    )
    scale_tolerance: float = _tuned(
        0.2,
        plausible=(0.1, 0.3),
        ge=0,
        le=2,
        description="The working scale is the finest at which the number of grains depends on the merge level at most "
        "this much more than at the best scale, in units of how much it would for texture without grains.",
    )
    small_grain_px: float = _tuned(
        50.0,
        plausible=(25, 100),
        logarithmic=True,
        ge=1,
        le=10_000,
        description="Grains of this area (of half of it where classifiers merge) need a boundary 1.6 times as strong, "
        "pixels of the shrunk picture.",
    )


class Phases(Section):
    """Masks of pore, boundary and interior."""

    boundary_width_px: float = _tuned(
        3.0,
        plausible=(2, 5),
        logarithmic=True,
        ge=2,
        le=200,
        description="Width of the boundary mask along the lines where grains meet, pixels.",
    )


class Measure(Section):
    """What is measured, and when a measurement is withheld."""

    surface: Literal["unknown", "polished", "fracture"] = Field(
        "unknown",
        description="Kind of surface. Stereology (porosity, S_V, G) holds for plane random sections; on fracture and "
        "unknown surfaces these numbers are apparent. A manifest column `surface` overrides it for its pictures.",
    )
    min_pixels_across_grain: float = Field(
        25.0,
        ge=1,
        le=100,
        description="Grains are resolved when their mean diameter spans at least this many pixels: about "
        "500 pixels to an average grain, as ASTM E2627 asks; on shrunk annotated pictures sizes below were up to 70 % "
        "off.",
    )
    min_whole_grains: int = Field(
        20, ge=1, le=10_000, description="Grains are resolved when at least this many lie whole in the picture."
    )
    min_calm_share: float = Field(
        0.7,
        ge=0,
        le=1,
        description="Grains are resolved when at least this share of their area lies in grains whose inside shows "
        "clearly less boundary than their rim; basins of relief and noise do not.",
    )
    min_confidence: float = Field(
        0.6,
        ge=0,
        le=1,
        description="Grains are resolved when the F1 to be expected of their segmentation is at least this.",
    )
    rounded_circularity: float = _tuned(
        0.6,
        plausible=(0.5, 0.7),
        ge=0,
        le=1,
        description="Pores of at least this circularity look rounded, the others open.",
    )
    unresolved_grains: bool = Field(
        False, description="Fill in grain measurements even where grains are not resolved (the flag stays)."
    )


class Words(Section):
    """The published method: windows, their classifier, visual words, tree, logistic steps; for `published` alone."""

    window_px: int = Field(340, ge=32, le=4096, description="Edge of a window, pixels of the picture.")
    overlap_px: int = Field(
        170, ge=0, le=4095, description="What neighbouring windows share, pixels of the picture; less than a window."
    )
    network: Literal["cnn", "resnet18"] = Field(
        "cnn",
        description="Classifier of windows: the small network of this project, on pictures reduced by 2, or the "
        "study's ResNet18, on three channels at full size: hours on a processor, meant for a graphics card.",
    )
    channels: int = Field(
        32,
        ge=8,
        le=320,
        multiple_of=8,
        description="Network cnn: channels of its first stage; the two others have twice and three times as many.",
    )
    normalised: Literal["picture", "set"] = Field(
        "picture",
        description="Network cnn: channels are normalised in each window, so that what a microscope session does to "
        "all of a picture goes; or over all training windows: where pictures were taken alike more is learned.",
    )
    epochs: int = Field(20, ge=1, le=100_000, description="How often each window is shown to the classifier.")
    batch: int = Field(32, ge=2, le=4096, description="Windows a step of the training.")
    learning_rate: float = Field(
        0.0, ge=0, le=1, description="The highest of the training; 0: 0.003 for cnn, 0.0001 for resnet18."
    )
    n_words: int = Field(40, ge=2, le=1000, description="Visual words: clusters of k-means.")
    attempts: int = Field(20, ge=1, le=1000, description="How often k-means starts anew; the tightest clusters count.")
    projected: int = Field(5000, ge=100, le=100_000, description="Vectors in the t-SNE picture, drawn by the seed.")
    tree_depth: int = Field(6, ge=1, le=12, description="Depth of the decision tree.")
    inverse_penalty: float = Field(
        0.9, gt=0, le=1e6, description="C of the L1 logistic regressions, the inverse of their penalty."
    )
    draws: int = Field(
        2000, ge=20, le=100_000, description="Bootstrap draws of groups, which say how sure a coefficient is."
    )
    folds: int = Field(5, ge=2, le=1000, description="Parts of the groups, each left out once, if no fit gives them.")
