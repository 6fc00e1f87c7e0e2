"""Grain size and porosity of a specimen over its pictures, and what keeps them from being to standard.

A picture is a field. What the standards ask is checked as far as a table of features can tell; that the section was
polished well, or that fields were chosen blindly, nobody but the operator knows: results *follow* a standard, they are
never certified by it.

- ASTM E112: mean over fields with 95 % CI = t s / sqrt(n), %RA = 100 CI / mean, 10 % or better; at least 5 fields, on
  a plane section, with grains that can be resolved.
- ISO 13383-1: where pores exceed about 5 vol%, individual intercepts (method A2).
- ISO 13383-2: at least 3 micrographs; fractions below 0.05 have considerable error, above about 0.2 polishing damage
  misleads.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtrit

FEWEST_FIELDS = 5
"""ASTM E112."""
LARGEST_RA_PERCENT = 10.0
"""ASTM E112: 10 % or better is usual."""
FEWEST_MICROGRAPHS = 3
"""ISO 13383-2."""
SMALL_FRACTION, LARGE_FRACTION = 0.05, 0.20
"""ISO 13383-2: considerable error below, polishing damage above."""
PORES_FOR_A2 = 0.05
"""ISO 13383-1: above, individual intercepts."""
PLANE = "plane section"
"""What the column `stereology` says of a plane random section."""
A2 = (
    "pores above about 5 vol%: ISO 13383-1 asks for method A2, individual intercepts; the lines here leave out what "
    "lies in pores, as A2 does"
)
NEEDED = (
    "sample_id", "surface", "stereology", "pixel_um", "quality_grains_resolved", "grain_intercept_mean_um",
    "grain_size_G_planimetric", "porosity",
)  # fmt: skip


@dataclass(frozen=True)
class FieldMean:
    """A mean over fields.

    Attributes
    ----------
    n : int
        Fields that have a value.
    value : float
        NaN without a field.
    half_width : float
        Of the 95 % interval, t s / sqrt(n); NaN for fewer than two fields.
    """

    n: int
    value: float
    half_width: float

    @property
    def relative_accuracy_percent(self) -> float:
        """%RA = 100 CI / mean (ASTM E112)."""
        return 100 * self.half_width / self.value if self.value else np.nan

    @property
    def ends(self) -> tuple[float, float]:
        """Of the interval; not below 0, where no length and no share lies."""
        return max(self.value - self.half_width, 0.0) if self.n > 1 else np.nan, self.value + self.half_width


@dataclass(frozen=True)
class Standing:
    """One specimen, on one kind of surface.

    Attributes
    ----------
    sample_id, surface : str
    n_pictures : int
    intercept : FieldMean
        Mean linear intercept, micrometres, of pictures where grains are resolved.
    size_number : float
        G of that mean.
    size_number_ends : (float, float)
        Of its 95 % interval.
    size_number_planimetric : float
        G of the mean number of grains per area.
    porosity : FieldMean
        Share of area.
    grain_size_lacks, porosity_lacks : tuple of str
        What keeps them from being to standard; empty where nothing was found.
    grain_size_notes : tuple of str
        What a reader must know beside.
    """

    sample_id: str
    surface: str
    n_pictures: int
    intercept: FieldMean
    size_number: float
    size_number_ends: tuple[float, float]
    size_number_planimetric: float
    porosity: FieldMean
    grain_size_lacks: tuple[str, ...]
    porosity_lacks: tuple[str, ...]
    grain_size_notes: tuple[str, ...]


def mean_over_fields(values: np.ndarray) -> FieldMean:
    """Mean with its 95 % interval, every field alike.

    Parameters
    ----------
    values : (n,) float array
        NaN does not count.

    Returns
    -------
    FieldMean
        CI = t s / sqrt(n), t of n - 1 degrees of freedom (ASTM E112).
    """
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    n = len(known)
    if n < 2:
        return FieldMean(n, float(known[0]) if n else np.nan, np.nan)
    half_width = stdtrit(n - 1, 0.975) * known.std(ddof=1) / np.sqrt(n)
    return FieldMean(n, float(known.mean()), float(half_width))


def size_number(intercept_um: float) -> float:
    """ASTM grain size number G = -6.643856 log10(mean intercept in mm) - 3.288 (ASTM E112); NaN for none."""
    return float(-6.643856 * np.log10(intercept_um / 1000) - 3.288) if intercept_um > 0 else np.nan


def mean_planimetric(size_numbers: np.ndarray) -> float:
    """G of the mean number of grains per mm2 of several fields, whose G = 3.321928 log10(N_A) - 2.954 (ASTM E112).

    Parameters
    ----------
    size_numbers : (n,) float array
        G of each field; NaN does not count.
    """
    known = np.asarray(size_numbers, float)
    known = known[np.isfinite(known)]
    if not len(known):
        return np.nan
    per_mm2 = 10 ** ((known + 2.954) / 3.321928)
    return float(3.321928 * np.log10(per_mm2.mean()) - 2.954)


def standings(table: pd.DataFrame) -> list[Standing]:
    """Every specimen, and each kind of its surfaces by itself: a fracture surface is no field of a section.

    Parameters
    ----------
    table : DataFrame
        One row a picture, with the columns `NEEDED`; missing ones count as not known.

    Returns
    -------
    list of Standing
        In the order of the table.
    """
    known = table.reindex(columns=[*NEEDED])
    kinds = known[["sample_id", "surface"]].astype(object).fillna("").astype(str)
    return [standing(known[(kinds == kind).all(axis=1)], *kind) for kind in kinds.drop_duplicates().to_numpy()]


def standing(rows: pd.DataFrame, sample_id: str, surface: str) -> Standing:
    """One specimen on one kind of surface.

    Parameters
    ----------
    rows : DataFrame
        Its pictures; columns `NEEDED`.
    sample_id, surface : str

    Returns
    -------
    Standing
    """
    scaled = pd.to_numeric(rows["pixel_um"]).to_numpy(float) > 0
    resolved = (rows["quality_grains_resolved"] == True).to_numpy(bool)  # noqa: E712  NaN is not resolved
    # Where grains are not resolved there may be numbers all the same, if the user insisted: they are no fields.
    usable = rows[resolved & scaled]
    intercept = mean_over_fields(usable["grain_intercept_mean_um"].to_numpy(float))
    porosity = mean_over_fields(rows["porosity"].to_numpy(float))
    plane = bool((rows["stereology"] == PLANE).all())
    low, high = intercept.ends
    return Standing(
        sample_id=sample_id,
        surface=surface,
        n_pictures=len(rows),
        intercept=intercept,
        size_number=size_number(intercept.value),
        size_number_ends=(size_number(high), size_number(low)),
        size_number_planimetric=mean_planimetric(usable["grain_size_G_planimetric"].to_numpy(float)),
        porosity=porosity,
        grain_size_lacks=tuple(_grain_size_lacks(intercept, resolved, scaled, plane)),
        porosity_lacks=tuple(_porosity_lacks(porosity, plane)),
        grain_size_notes=(A2,) if intercept.n and porosity.value > PORES_FOR_A2 else (),
    )


_APPARENT = "apparent: the surface is not known to be a plane polished section"


def _grain_size_lacks(intercept: FieldMean, resolved: np.ndarray, scaled: np.ndarray, plane: bool) -> Iterator[str]:
    n = len(resolved)
    if not plane:
        yield _APPARENT
    if not scaled.all():
        yield f"no scale in {(~scaled).sum()} of {n} pictures" if n > 1 else "no scale"
    if not resolved.all():
        yield f"grains not resolved in {(~resolved).sum()} of {n} pictures" if n > 1 else "grains not resolved"
    if intercept.n < FEWEST_FIELDS:
        yield f"{_counted(intercept.n, 'field')}; at least {FEWEST_FIELDS} are asked for"
    accuracy = intercept.relative_accuracy_percent
    if intercept.n > 1 and not accuracy <= LARGEST_RA_PERCENT:
        yield f"%RA is {accuracy:.3g}; {LARGEST_RA_PERCENT:g} or better is usual"


def _porosity_lacks(porosity: FieldMean, plane: bool) -> Iterator[str]:
    if not plane:
        yield _APPARENT
    if porosity.n < FEWEST_MICROGRAPHS:
        yield f"{_counted(porosity.n, 'micrograph')}; at least {FEWEST_MICROGRAPHS} are asked for"
    if porosity.value < SMALL_FRACTION:
        yield f"below {SMALL_FRACTION:g}: such fractions have considerable error"
    if porosity.value > LARGE_FRACTION:
        yield f"above {100 * LARGE_FRACTION:g} %: polishing damage misleads"


def _counted(n: int, what: str) -> str:
    return f"{n or 'no'} {what}{'' if n == 1 else 's'}"
