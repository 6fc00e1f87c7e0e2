"""Every choice that changes a number, with its bounds, unit and meaning, stated once.

Validation, the annotated ``settings.toml``, command-line overrides and, later, the page's sliders all read the
fields below. Lengths that belong to the picture are in pixels; thresholds are relative to the picture's own noise,
contrast and structure size, so that one default serves all pictures and magnifications.
"""

import hashlib
import json
import textwrap
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, Self

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from micro_features.errors import SettingsError

METHODS: dict[str, dict[str, str]] = {
    "fast": {"grains.method": "watershed", "pores.method": "local"},
    "best": {"grains.method": "learned", "pores.method": "classified"},
}
"""What `--method` stands for: the quicker way to find grains and pores, and the more accurate one."""

QUICK: dict[str, Any] = {
    "words.channels": 16,
    "words.epochs": 6,
    "words.attempts": 3,
    "words.projected": 1000,
    "words.draws": 100,
}
"""What `published --quick` stands for: a look at the whole way in minutes, not a result."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Reading(_Section):
    """How files are opened."""

    max_pixels: int = Field(
        1_000_000_000, ge=1024, description="Largest picture that is opened, pixels; judged from the header."
    )


class Prepare(_Section):
    """Illumination and noise."""

    window_px: float = Field(
        40.0,
        ge=5,
        le=500,
        description="Light and contrast are taken as even over a Gaussian of this standard deviation, pixels of the "
        "picture as it was shrunk to find grains.",
    )


class Pores(_Section):
    """What is a pore."""

    method: Literal["classified", "local", "otsu", "yen", "sauvola", "fixed"] = Field(
        "classified",
        description="How pores are found: by a trained classifier of pixels (the better way), by local contrast with "
        "hysteresis (the faster way), or by one of the thresholds of the literature, for comparison.",
    )
    model: str = Field(
        "pore-xgboost",
        min_length=1,
        description="Method classified: the trained classifier, by the name of a model that ships or the path of a "
        "folder that train-segmenter wrote.",
    )
    threshold: float = Field(
        0.5,
        ge=0.05,
        le=0.95,
        description="Method classified: a region is a pore where that is at least so likely, 0 to 1.",
    )
    sensitivity: float = Field(
        0.5, ge=0, le=0.95, description="Method local: 0 takes only the darkest holes, 0.95 takes faint ones too."
    )
    window_px: float = Field(
        50.0,
        ge=5,
        le=1000,
        description="Methods classified, local and sauvola: standard deviation of the Gaussian that defines the "
        "surroundings against which darkness is judged, pixels.",
    )
    level: float = Field(0.25, ge=0, le=1, description="Method fixed: grey level below which a pixel is pore.")
    min_area_px: int = Field(12, ge=1, le=1_000_000, description="Smaller pores are dropped, pixels.")


class Grains(_Section):
    """What is a grain."""

    method: Literal["learned", "watershed"] = Field(
        "learned",
        description="How grains are found: by watershed and merging across boundaries that trained classifiers judge "
        "(the better way), or that are weak on the whole (the faster way).",
    )
    model: str = Field(
        "boundary-xgboost",
        min_length=1,
        description="Method learned: the trained classifiers, by the name of a model that ships or the path of a "
        "folder that train-segmenter wrote.",
    )
    merge_probability: float = Field(
        0.75,
        ge=0.05,
        le=0.9,
        description="Method learned: neighbours are one grain where a boundary between them is less likely, 0 to 1.",
    )
    merge_level: float = Field(
        0.25,
        ge=0.02,
        le=0.9,
        description="Method watershed: neighbours are one grain where the boundary between them is weaker, 0 to 1. "
        "Both methods find the working scale with it.",
    )
    working_scale: float = Field(
        0.0, ge=0, le=16, description="Factor by which the picture is shrunk to find grains; 0 finds it."
    )
    scale_tolerance: float = Field(
        0.2,
        ge=0,
        le=2,
        description="The working scale is the finest at which the number of grains depends on the merge level at most "
        "this much more than at the best scale, in units of how much it would for texture without grains.",
    )
    small_grain_px: float = Field(
        50.0,
        ge=1,
        le=10_000,
        description="Grains of this area (of half of it where classifiers merge) need a boundary 1.6 times as strong, "
        "pixels of the shrunk picture.",
    )


class Phases(_Section):
    """Masks of pore, boundary and interior."""

    boundary_width_px: float = Field(
        3.0, ge=2, le=200, description="Width of the boundary mask along the lines where grains meet, pixels."
    )


class Measure(_Section):
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
    rounded_circularity: float = Field(
        0.6, ge=0, le=1, description="Pores of at least this circularity look rounded, the others open."
    )
    unresolved_grains: bool = Field(
        False, description="Fill in grain measurements even where grains are not resolved (the flag stays)."
    )


class Words(_Section):
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


class Settings(_Section):
    """All settings; immutable. Change by `updated`, which validates again.

    Raises
    ------
    SettingsError
        From `updated`, `from_mapping` and `from_toml`, naming the setting, the value found and the bound.
    """

    version: Literal[1] = Field(1, description="Rises when a default or a meaning changes.")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of every random step (bootstrap intervals).")
    reading: Reading = Reading()
    prepare: Prepare = Prepare()
    pores: Pores = Pores()
    grains: Grains = Grains()
    phases: Phases = Phases()
    measure: Measure = Measure()
    words: Words = Words()

    @classmethod
    def published(cls) -> Self:
        """The numbers of the published study (Zhang et al., Nano Letters 2024, 24, 5292): defaults of section `words`.

        What the study's own code does beside is not taken over: its 1600 epochs of plain gradient descent, crops that
        are resized at random (which destroy the absolute size of grains), and the best epoch picked on the scored part.
        """
        return cls()

    def updated(self, changes: Mapping[str, Any]) -> Self:
        """A changed copy, validated again.

        Parameters
        ----------
        changes : mapping
            Dotted name to value, as in ``{"pores.sensitivity": 0.4}``. Text is converted to the field's type.
        """
        values = self.model_dump()
        for name, value in changes.items():
            *sections, last = name.split(".")
            place = values
            for section in sections:
                place = place.get(section) if isinstance(place, dict) else None  # type: ignore[assignment]
            if not isinstance(place, dict) or last not in place or isinstance(place[last], dict):
                raise SettingsError(f"setting {name!r} is not known; `micro-features settings` lists all of them.")
            place[last] = value
        return self.from_mapping(values)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], origin: str = "") -> Self:
        """Settings from nested values; what is missing is at its default."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise SettingsError("; ".join(_complaint(detail, origin) for detail in error.errors())) from None

    @classmethod
    def from_toml(cls, text: str, origin: str = "settings") -> Self:
        """Settings from the text of a ``settings.toml``."""
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{origin} is not valid TOML: {error}.") from None
        return cls.from_mapping(values, origin)

    @property
    def digest(self) -> str:
        """Hash of the settings that change measured numbers: those off their default, and the version.

        A new setting whose default changes nothing leaves the digests of older tables alone.
        """
        changed = self.model_dump(mode="json", exclude_defaults=True, exclude={"reading", "words"})
        text = json.dumps({**changed, "version": self.version}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _complaint(detail: Any, origin: str) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    where = f"{origin}: " if origin else ""
    if detail["type"] == "extra_forbidden":
        return f"{where}setting {name!r} is not known; `micro-features settings` lists all of them."
    return f"{where}setting {name} = {detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}."


def annotated_toml(settings: Settings) -> str:
    """The settings as a ``settings.toml`` in which a comment explains every line.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    str
        Each field is preceded by its description and bounds.
    """
    document = tomlkit.document()
    document.add(tomlkit.comment("Settings of micro-features. Lines that you do not change may be deleted."))
    document.add(tomlkit.comment("Use with: micro-features extract PATH -o DIR --settings settings.toml"))
    document.add(tomlkit.nl())
    sections = {name: getattr(settings, name) for name in type(settings).model_fields}
    for name, value in sections.items():  # TOML wants plain keys before tables
        if not isinstance(value, BaseModel):
            _annotate(document, type(settings), name, value)
    for name, value in sections.items():
        if isinstance(value, BaseModel):
            table = tomlkit.table()
            document.add(tomlkit.nl())
            document.add(tomlkit.comment((type(value).__doc__ or "").strip()))
            for field in type(value).model_fields:
                _annotate(table, type(value), field, getattr(value, field))
            document.add(name, table)
    return tomlkit.dumps(document)


def _annotate(container: Any, model: type[BaseModel], name: str, value: Any) -> None:
    field = model.model_fields[name]
    for line in textwrap.wrap(f"{field.description} {_bounds(model, name)}".strip(), 110):
        container.add(tomlkit.comment(line))
    container.add(name, value)


def _bounds(model: type[BaseModel], name: str) -> str:
    """Choices or range of a field, from its JSON schema: stated once, in the field itself."""
    schema = model.model_json_schema()["properties"][name]
    if "enum" in schema:
        return f"[one of: {', '.join(map(str, schema['enum']))}]"
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    return f"[at least {low}]" if high is None else f"[{low} to {high}]"
