"""Every choice that changes a number, with its bounds, unit and meaning, stated once.

Validation, the annotated ``settings.toml``, command-line overrides and, later, the page's sliders all read the
fields below. Lengths that belong to the picture are in pixels; thresholds are relative to the picture's own noise,
contrast and structure size, so that one default serves all pictures and magnifications.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from micro_features.errors import SettingsError


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Reading(_Section):
    """How files are opened."""

    max_pixels: int = Field(
        1_000_000_000, ge=1024, description="Largest picture that is opened, pixels; judged from the header."
    )


class Prepare(_Section):
    """Illumination and noise."""


class Pores(_Section):
    """What is a pore."""


class Grains(_Section):
    """What is a grain."""


class Phases(_Section):
    """Masks of pore, boundary and interior."""


class Measure(_Section):
    """What is measured, and when a measurement is withheld."""

    surface: Literal["unknown", "polished", "fracture"] = Field(
        "unknown",
        description="Kind of surface. Stereology (porosity, S_V, G) holds for plane random sections; on fracture and "
        "unknown surfaces these numbers are apparent. A manifest column `surface` overrides it for its pictures.",
    )
    min_pixels_across_grain: float = Field(
        10.0, ge=1, le=100, description="Grains are resolved when their mean diameter spans at least this many pixels."
    )
    min_whole_grains: int = Field(
        20, ge=1, le=10_000, description="Grains are resolved when at least this many lie whole in the picture."
    )
    unresolved_grains: bool = Field(
        False, description="Fill in grain measurements even where grains are not resolved (the flag stays)."
    )


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
