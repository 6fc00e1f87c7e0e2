"""Grooves of etched sections: dark lines that enclose grains, and how much darker than these a pore must be."""

import cv2
import numpy as np

from micro_features.images.darkness import along_lines

# Dark lines that enclose grains are grooves (etched sections), which show at this darkness, fainter than that of pores.
# What they enclose exceeds this share of what they cover: 0.06 to 1.5 was seen on etched sections, below 0.04 among
# pores and cracks. Holes up to this area (square pixels) are noise; the few largest may lie within a gap around a
# particle, or between particles that touch.
GROOVE_DARKNESS = 0.5
GROOVE_ENCLOSURE = 0.05
LEAST_ENCLOSURE_PX2 = 64
CHANCE_ENCLOSURES = 3
# A pore among grooves is wider than they are: by the first factor if it is this much darker than a typical groove, by
# the second if not. Or it is compact: darker than every straight line through it that is this many times as long as
# grooves are wide, by this share of what makes a seed and by this share of a typical groove's darkness.
PORE_TO_GROOVE_DARKNESS = 1.6
PORE_TO_GROOVE_WIDTHS = (1.25, 2.0)
LINE_TO_GROOVE_WIDTH = 3.0
COMPACT_TO_SEED = 0.25
COMPACT_TO_GROOVE = 0.8
# The outline of a compact pore lies where this share of its excess over such lines is left, and within this distance
# from where that excess is clear, pixels; that of a wide one this much farther out than its width says.
GROOVE_EDGE = 0.15
COMPACT_REACH_PX = 6
WIDE_REACH_PX = 3
# How far from a pixel its core is looked for, pixels.
CORE_PX = 7


def groove_darkness(darkness: np.ndarray, valid: np.ndarray, *, high: np.float32, deep: np.float32) -> np.ndarray:
    """Darkness that a pixel must exceed to be more than part of a groove; -inf where it is no matter of grooves.

    Lines are told from blobs by openings along straight lines in several directions (`darkness.along_lines`).

    Parameters
    ----------
    darkness : (rows, cols) float32 array
        In standard deviations of the solid, blurred.
    valid : (rows, cols) bool array
    high, deep : float
        Darkness that makes a seed of a pore, unblurred and blurred.

    Returns
    -------
    (rows, cols) float32 array
        Of shape (1, 1) without grooves.
    """
    # The picture is blurred: half the size shows as much.
    rows, cols = darkness.shape
    small = cv2.resize(darkness * valid, (-(-cols // 2), -(-rows // 2)), interpolation=cv2.INTER_AREA)
    shown = small > GROOVE_DARKNESS
    if not _encloses(shown):
        return np.full((1, 1), -np.inf, np.float32)
    core = cv2.dilate(small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (CORE_PX, CORE_PX)))
    shown &= small > core / 2
    # Across a groove of half width h, depth is spread evenly over 0 to h.
    depth = _depth(shown)
    half_width = 2 * float(np.median(depth[shown]))
    narrow, broad = (np.float32(factor * half_width) for factor in PORE_TO_GROOVE_WIDTHS)
    lines = along_lines(small, round(LINE_TO_GROOVE_WIDTH * half_width / 2))
    # Dark grains and large pores tell nothing of how dark grooves are.
    thin = shown & (_depth(depth <= narrow) > narrow)
    typical = float(np.median(lines[thin if thin.any() else shown]))
    compact = small - lines > max(COMPACT_TO_SEED * float(high), COMPACT_TO_GROOVE * typical)
    level = np.where(_depth(~compact) <= COMPACT_REACH_PX / 2, lines + np.float32(GROOVE_EDGE) * (core - lines), np.inf)
    wide = _depth(shown & (small > deep)) > np.where(small > PORE_TO_GROOVE_DARKNESS * typical, narrow, broad)
    level[_depth(~wide) <= narrow + WIDE_REACH_PX / 2] = -np.inf
    return cv2.resize(level, (cols, rows), interpolation=cv2.INTER_NEAREST)


def _encloses(dark: np.ndarray) -> bool:
    """Whether dark regions, at half size, enclose more than pores and cracks do."""
    rows, cols = dark.shape
    _, _, stats, _ = cv2.connectedComponentsWithStats((~dark).view(np.uint8), connectivity=4)
    left, top, width, height, area = stats[1:].T
    inside = (left > 0) & (top > 0) & (left + width < cols) & (top + height < rows)
    enclosed = np.sort(area[inside & (area >= LEAST_ENCLOSURE_PX2 / 4)])[:-CHANCE_ENCLOSURES]
    return int(enclosed.sum()) > GROOVE_ENCLOSURE * int(np.count_nonzero(dark))


def _depth(mask: np.ndarray) -> np.ndarray:
    """Distance of each pixel of a mask from the nearest outside."""
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
