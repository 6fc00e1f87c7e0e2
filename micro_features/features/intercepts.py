"""Test lines over a label image: mean intercept, boundary density, grain size number.

Lines run through pixel centres in four directions (0, 45, 90 and 135 degrees), every pixel on one line of each
direction; neighbours on a line are 1 px apart, on a diagonal sqrt(2) px, so the staircase of digital boundaries does
not enter. All directions weigh the same. Along such lines

- a change from grain to grain is one boundary crossing;
- a change between grain and pore, or anything that is no grain, is half a crossing, and line on no grain has no
  length: a pore between two grains counts as one boundary, one inside a grain as one (individual intercepts, as
  ISO 13383-1 asks for where pores exceed some volume per cent);
- the edge of the picture is no crossing, so that grains cut by it count by what is seen of them.

The mean intercept is length over crossings. It is an intercept, not a diameter: no factor is applied.
"""

from itertools import pairwise

import cv2
import numpy as np
from scipy.special import stdtrit

from micro_features.features.feature import Feature

_DIRECTIONS = (0, 45, 90, 135)
_FIELDS_PER_SIDE = 3  # nine fields; ASTM E112 asks for at least five
_FEWEST_FIELDS = 5

_LINES = "length of four-direction test lines in grains / crossings; grain to pore half a crossing (follows ASTM E112)"

INTERCEPT_FEATURES: tuple[Feature, ...] = (
    Feature("grain_intercept_mean_um", "um", "grain", "Mean linear intercept of grains.", _LINES, True),
    Feature(
        "grain_intercept_ci95_halfwidth_um",
        "um",
        "grain",
        "Half width of the 95 % confidence interval of the mean intercept.",
        "t s / sqrt(n) over the fields of a 3 x 3 grid, ratio estimator (follows ASTM E112)",
        True,
    ),
    Feature(
        "grain_intercept_relative_accuracy_percent",
        "%",
        "grain",
        "Relative accuracy of the mean intercept; 10 or less is usual practice.",
        "%RA = 100 CI95 / mean (ASTM E112)",
        True,
    ),
    *(
        Feature(
            f"grain_intercept_{angle}deg_um",
            "um",
            "grain",
            f"Mean linear intercept along lines at {angle} degrees, counter-clockwise from the picture's right.",
            _LINES,
            True,
        )
        for angle in _DIRECTIONS
    ),
    Feature(
        "grain_intercept_anisotropy",
        "1",
        "grain",
        "Largest over smallest mean intercept of the four directions (1 is isotropic).",
        "from the four directional intercepts; above 1 by chance where crossings are few",
        True,
    ),
    Feature(
        "grain_size_G_intercept",
        "G",
        "grain",
        "ASTM grain size number from the mean intercept.",
        "G = -6.643856 log10(mean intercept in mm) - 3.288 (ASTM E112)",
        True,
    ),
    Feature(
        "grain_size_G_planimetric",
        "G",
        "grain",
        "ASTM grain size number from the number of grains per area.",
        "G = 3.321928 log10(N_A per mm2) - 2.954, N = inside + cut / 2, corner grains 1/4, area of grains (ASTM E112)",
        True,
    ),
    Feature(
        "boundary_length_per_area_per_um",
        "1/um",
        "boundary",
        "Length of grain-to-grain boundary per area of grains.",
        "L_A = (pi / 2) P_L, P_L grain-to-grain crossings per line length in grains",
        True,
    ),
    Feature(
        "surface_per_volume_per_um",
        "1/um",
        "boundary",
        "Area of grain-to-grain boundary per volume of grains.",
        "S_V = 2 P_L, P_L grain-to-grain crossings per line length in grains",
        True,
    ),
)


def close_gaps(labels: np.ndarray, valid: np.ndarray, *, max_gap_px: int, pores: np.ndarray) -> np.ndarray:
    """Let grains grow over drawn boundary lines, so that they touch.

    Parameters
    ----------
    labels : (rows, cols) int32 array
        Grains from 1; 0 on boundary lines.
    valid : (rows, cols) bool array
        Where there is material; nothing grows outside.
    max_gap_px : int
        Widest line that is closed, pixels, at least 1.
    pores : (rows, cols) bool array
        Pixels that stay 0.

    Returns
    -------
    (rows, cols) int32 array
        Unlabelled pixels in gaps no wider than `max_gap_px` carry the label of the nearest grain.
    """
    grains = (labels > 0).astype(np.uint8)
    if not grains.any():
        return labels.copy()
    size = 2 * ((max_gap_px + 1) // 2) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    gap = (cv2.morphologyEx(grains, cv2.MORPH_CLOSE, disc) > 0) & (grains == 0) & valid & ~pores
    _, nearest = cv2.distanceTransformWithLabels(1 - grains, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    # OpenCV numbers the zero pixels in its own way; read back which number lies on which label.
    on_grain = grains > 0
    label_of = np.zeros(int(nearest.max()) + 1, np.int32)
    label_of[nearest[on_grain]] = labels[on_grain]
    closed = labels.astype(np.int32, copy=True)
    closed[gap] = label_of[nearest[gap]]
    return closed


def intercept_features(grains: np.ndarray, valid: np.ndarray, *, pixel_um: float) -> dict[str, float]:
    """Mean intercept with its confidence, anisotropy, grain size numbers and boundary densities.

    Parameters
    ----------
    grains : (rows, cols) int32 array
        Grains from 1; 0 on pores and where nothing was labelled. Grains that touch in the material must touch here:
        see `close_gaps`.
    valid : (rows, cols) bool array
        Where there is material.
    pixel_um : float
        Edge of a pixel, micrometres.

    Returns
    -------
    dict
        Every name of `INTERCEPT_FEATURES`; NaN where no line crosses a boundary (the two boundary densities are 0
        where one grain fills the picture), confidence also where fewer than five fields show a grain.
    """
    features = {feature.name: np.nan for feature in INTERCEPT_FEATURES}
    rows, cols = (np.flatnonzero(valid.any(axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        return features
    frame = (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1))
    labels = np.where(valid[frame], grains[frame], -1)

    counts = np.stack([_count(labels, angle) for angle in _DIRECTIONS])
    lengths, crossings, contacts = counts[:, 0].T  # of the whole picture, by direction
    if lengths.sum() == 0:
        return features
    boundary = contacts.sum() / lengths.sum() / pixel_um
    features["boundary_length_per_area_per_um"] = float(np.pi / 2 * boundary)
    features["surface_per_volume_per_um"] = float(2 * boundary)
    if crossings.sum() == 0:
        return features

    mean = lengths.sum() / crossings.sum() * pixel_um
    features["grain_intercept_mean_um"] = float(mean)
    features["grain_size_G_intercept"] = float(-6.643856 * np.log10(mean / 1000) - 3.288)
    in_fields, crossed = counts[:, 1:, :2].sum(axis=0).T
    n = np.count_nonzero(in_fields)
    if n >= _FEWEST_FIELDS and crossed.sum() > 0:
        # Fields differ in size where parts are masked: deviations of length from mean intercept x crossings.
        deviation = (in_fields - in_fields.sum() / crossed.sum() * crossed) * pixel_um
        error = np.sqrt(n / (n - 1) * np.sum(deviation**2)) / crossed.sum()
        half_width = stdtrit(n - 1, 0.975) * error
        features["grain_intercept_ci95_halfwidth_um"] = float(half_width)
        features["grain_intercept_relative_accuracy_percent"] = float(100 * half_width / mean)
    if crossings.all():
        along = lengths / crossings * pixel_um
        features |= {f"grain_intercept_{a}deg_um": float(v) for a, v in zip(_DIRECTIONS, along, strict=True)}
        features["grain_intercept_anisotropy"] = float(along.max() / along.min())

    per_mm2 = _planimetric_count(labels) / (np.count_nonzero(labels > 0) * (pixel_um / 1000) ** 2)
    features["grain_size_G_planimetric"] = float(3.321928 * np.log10(per_mm2) - 2.954)
    return features


def _count(labels: np.ndarray, angle: int) -> np.ndarray:
    """Line length in grains (pixels), crossings and grain-to-grain crossings along one direction.

    `labels` is -1 outside the material. A step from one pixel to the next belongs half to each. Diagonal lines lie
    closer together than rows; all three are divided by that, so that every direction has the same say.

    Returns
    -------
    (1 + fields, 3) float array
        First of all lines, then of their parts in each field.
    """
    down, here, there = {
        0: (0, np.s_[:, 1:], np.s_[:, :-1]),
        45: (1, np.s_[1:, :-1], np.s_[:-1, 1:]),
        90: (1, np.s_[1:, :], np.s_[:-1, :]),
        135: (1, np.s_[1:, 1:], np.s_[:-1, :-1]),
    }[angle]
    right = int(angle != 90)
    grain, valid = labels > 0, labels >= 0
    seen = valid[here] & valid[there]
    both = grain[here] & grain[there]
    one = (grain[here] ^ grain[there]) & seen
    contact = both & (labels[here] != labels[there])

    # An odd number of fields a side: the split is the same from either side. Steps from field to field are in none.
    row_ends, col_ends = (np.round(np.linspace(0, size, _FIELDS_PER_SIDE + 1)).astype(int) for size in labels.shape)
    parts = [np.s_[:, :]] + [
        np.s_[top : bottom - down, left : end - right]
        for top, bottom in pairwise(row_ends)
        for left, end in pairwise(col_ends)
    ]
    step = np.sqrt(down + right)
    counts = np.array([[np.count_nonzero(kind[part]) for kind in (both, one, contact)] for part in parts])
    two, edge, touching = counts.T
    return np.column_stack([two + edge / 2, (touching + edge / 2) / step, touching / step])


def _planimetric_count(labels: np.ndarray) -> float:
    """Grains inside + half of those cut; a grain over a corner counts a quarter for each corner."""
    inside = cv2.erode((labels >= 0).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    grains = _unique(labels)
    cut = _unique(labels[~inside])
    corners = labels[[0, 0, -1, -1], [0, -1, 0, -1]]
    corners = corners[corners > 0]
    return len(grains) - len(cut) + (len(cut) - len(np.unique(corners))) / 2 + len(corners) / 4


def _unique(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels[labels > 0])
