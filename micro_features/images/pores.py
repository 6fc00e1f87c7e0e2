"""Pores: holes, cracks and other dark regions that a grain boundary's groove does not explain.

Every method takes a picture and returns labels. Only ``local`` judges darkness against the neighbourhood and is thereby
blind to shading; the others are the thresholds that the literature uses, for comparison.
"""

from collections.abc import Callable

import cv2
import numpy as np
from skimage.filters import threshold_otsu, threshold_yen

from micro_features.images.prepare import background, masked_blur

# Standard deviations of the Gaussians, pixels, at which darkness is judged: the first suppresses pixel noise, the
# others let a pore that is wider than the texture around it stand out from that texture.
BLURS_PX = (0.7, 2.0, 5.0)
# Blurred noise is not taken for less than this share of the unblurred.
LEAST_SPREAD = 0.5
# A blurred edge lies where darkness falls to half of the core's, found within this window; the core's is the largest
# of many noisy pixels and stands this many standard deviations too high, or belongs to a deeper neighbour.
EDGE_PX = 7
NOISE_MARGIN = 6.0
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
COMPACT_TO_SEED = 0.4
COMPACT_TO_GROOVE = 0.8
# The outline of a compact pore lies where this share of its excess over such lines is left, and within this distance
# from where that excess is clear, pixels; that of a wide one this much farther out than its width says.
GROOVE_EDGE = 0.15
COMPACT_REACH_PX = 6
WIDE_REACH_PX = 3


def local(
    image: np.ndarray,
    valid: np.ndarray,
    *,
    sensitivity: float = 0.5,
    window_px: float = 50.0,
    min_area_px: int = 12,
) -> np.ndarray:
    """Regions darker than their surroundings, by local contrast with hysteresis.

    Darkness is the background of the solid (a first guess of the pores is left out of it) minus the grey level, in
    units of its robust standard deviation over the solid, so that brightness and gain cancel. A pore holds a pixel
    whose darkness, at one of three blurs, exceeds h = ``6.8 * (1 - sensitivity)`` (a quarter more where nothing is
    averaged). It reaches out to half the darkness of its nearby core, but no further than to 0.57 h times the share of
    the standard deviation that outlives blurring: far where only pixel noise surrounds it, less far where the solid
    itself has dark facets. Where dark lines enclose grains they are grooves; only what is wider than these, or darker
    than every straight line through it, is pore there.

    Parameters
    ----------
    image : (rows, cols) float32 array
        Grey level, 0 to 1.
    valid : (rows, cols) bool array
        False where there is no material.
    sensitivity : float
        Between 0 (only the darkest holes) and below 1.
    window_px : float
        Standard deviation of the Gaussian that defines the surroundings, pixels. Pores may be much larger.
    min_area_px : int
        Smaller regions are dropped, pixels.

    Returns
    -------
    (rows, cols) int32 array
        Labels from 1; 0 is no pore.
    """
    if _contrast(image, valid) == 0:
        return np.zeros(image.shape, np.int32)
    darkness, solid = _darkness(image, valid, window_px=window_px)
    high = np.float32(6.8 * (1.0 - sensitivity))
    medium, coarse = (masked_blur(darkness, valid, sigma_px=sigma) for sigma in BLURS_PX[1:])
    medium_spread, coarse_spread = (max(_robust_sd(blurred, solid), LEAST_SPREAD) for blurred in (medium, coarse))
    low = 0.57 * high * np.float32(medium_spread)
    # Beside a deep pore the coarse blur is dark too: a seed must not owe its darkness to a neighbour.
    seeds = (
        (darkness > 1.25 * high)
        | (medium > high * medium_spread)
        | ((coarse > high * coarse_spread) & (medium > 0.8 * high * medium_spread))
    )
    core = cv2.dilate(darkness, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (EDGE_PX, EDGE_PX)))
    dark = (darkness > np.maximum((core - np.float32(NOISE_MARGIN)) / 2, low)) & valid
    dark &= darkness > _groove_darkness(medium, valid, high=high, deep=high * medium_spread)
    # The median of 3 x 3 smooths the outline.
    return _labelled(cv2.medianBlur(dark.view(np.uint8), 3).view(bool) & valid, min_area_px, seeds)


def _darkness(image: np.ndarray, valid: np.ndarray, *, window_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Background of the solid minus grey level, in robust standard deviations; and where the solid is."""
    smooth = masked_blur(image, valid, sigma_px=BLURS_PX[0])
    # A drawing may have no noise at all: a grey level is never known better than half a step of 8 bits.
    least = _contrast(image, valid) / 512
    solid = valid
    # The wide window first: a pore larger than the narrow one would be its own surroundings. Twice the narrow one:
    # what holes and bright particles did to the first background is undone in the second.
    for sigma_px in (4 * window_px, window_px, window_px):
        darkness = background(smooth, solid, sigma_px=sigma_px) - smooth
        darkness /= np.float32(max(_robust_sd(darkness, solid), least))
        solid = valid & (np.abs(darkness) < 3)
    return darkness, solid


def _groove_darkness(darkness: np.ndarray, valid: np.ndarray, *, high: np.float32, deep: np.float32) -> np.ndarray:
    """Darkness that a pixel must exceed to be more than part of a groove; -inf where it is no matter of grooves.

    Lines are told from blobs by openings along straight lines in several directions, as in Soille and Talbot,
    Directional morphological filtering, IEEE Transactions on Pattern Analysis and Machine Intelligence 23 (2001)
    1313-1329.
    """
    # The picture is blurred: half the size shows as much.
    rows, cols = darkness.shape
    small = cv2.resize(darkness * valid, (-(-cols // 2), -(-rows // 2)), interpolation=cv2.INTER_AREA)
    shown = small > GROOVE_DARKNESS
    if not _encloses(shown):
        return np.full((1, 1), -np.inf, np.float32)
    core = cv2.dilate(small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (EDGE_PX, EDGE_PX)))
    shown &= small > core / 2
    # Across a groove of half width h, depth is spread evenly over 0 to h.
    depth = _depth(shown)
    half_width = 2 * float(np.median(depth[shown]))
    narrow, broad = (np.float32(factor * half_width) for factor in PORE_TO_GROOVE_WIDTHS)
    lines = _along_lines(small, round(LINE_TO_GROOVE_WIDTH * half_width / 2))
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


def _along_lines(image: np.ndarray, radius: int) -> np.ndarray:
    """Opening along straight lines of `radius` both ways, the largest over eight directions: what lines hold stays."""
    # A pore that the frame cuts is mirrored, or it would pass for the end of a line.
    image = cv2.copyMakeBorder(image, radius, radius, radius, radius, cv2.BORDER_REFLECT)
    best = np.full_like(image, -np.inf)
    for angle in np.pi / 8 * np.arange(8):
        x, y = np.cos(angle), np.sin(angle)
        steps = round(radius * max(abs(x), abs(y)))
        along = np.arange(-steps, steps + 1) / max(abs(x), abs(y))
        line = np.zeros((2 * radius + 1, 2 * radius + 1), np.uint8)
        line[radius + np.rint(along * y).astype(int), radius + np.rint(along * x).astype(int)] = 1
        np.maximum(best, cv2.morphologyEx(image, cv2.MORPH_OPEN, line), out=best)
    return best[radius:-radius, radius:-radius]


def _depth(mask: np.ndarray) -> np.ndarray:
    """Distance of each pixel of a mask from the nearest outside."""
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)


def otsu(image: np.ndarray, valid: np.ndarray, *, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than the level that best splits the histogram in two (Otsu 1979)."""
    return _global(image, valid, threshold_otsu, min_area_px)


def yen(image: np.ndarray, valid: np.ndarray, *, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than the level of maximum correlation (Yen, Chang and Chang 1995)."""
    return _global(image, valid, threshold_yen, min_area_px)


def sauvola(image: np.ndarray, valid: np.ndarray, *, window_px: float = 50.0, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than ``mean * (1 + 0.2 * (sd / half_range - 1))`` of their surroundings.

    Sauvola and Pietikäinen, Pattern Recognition 33 (2000) 225-236, with a Gaussian for the window.
    """
    if _contrast(image, valid) == 0:
        return np.zeros(image.shape, np.int32)
    mean = masked_blur(image, valid, sigma_px=window_px)
    half_range = np.float32(_contrast(image, valid) / 2)
    sd = np.sqrt(np.maximum(masked_blur(image * image, valid, sigma_px=window_px) - mean * mean, 0))
    level = mean * (1 + 0.2 * (sd / half_range - 1))
    return _labelled((image < level) & valid, min_area_px)


def fixed(image: np.ndarray, valid: np.ndarray, *, level: float = 0.25, min_area_px: int = 12) -> np.ndarray:
    """Pixels darker than a grey level between 0 (black) and 1 (white)."""
    return _labelled((image < level) & valid, min_area_px)


PORE_METHODS: dict[str, Callable[..., np.ndarray]] = {
    "local": local,
    "otsu": otsu,
    "yen": yen,
    "sauvola": sauvola,
    "fixed": fixed,
}


def _contrast(image: np.ndarray, valid: np.ndarray) -> float:
    """Brightest minus darkest valid grey level; 0 where nothing is valid."""
    darkest, brightest, _, _ = cv2.minMaxLoc(image, mask=valid.view(np.uint8))
    return float(brightest - darkest)


def _robust_sd(values: np.ndarray, where: np.ndarray) -> float:
    """Standard deviation from the median absolute deviation of a sample of at most about 50 000 values."""
    stride = max(1, int((values.size / 50_000) ** 0.5))
    sample = values[::stride, ::stride][where[::stride, ::stride]]
    if sample.size == 0:
        return 0.0
    return 1.4826 * float(np.median(np.abs(sample - np.median(sample))))


def _global(
    image: np.ndarray, valid: np.ndarray, threshold: Callable[[np.ndarray], float], min_area_px: int
) -> np.ndarray:
    if _contrast(image, valid) == 0:
        return np.zeros(image.shape, np.int32)
    return _labelled((image <= threshold(image[valid])) & valid, min_area_px)


def _labelled(mask: np.ndarray, min_area_px: int, seeds: np.ndarray | None = None) -> np.ndarray:
    """Labels of the 8-connected regions that are large enough and, if `seeds` are given, hold one."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    keep = stats[:, cv2.CC_STAT_AREA] >= min_area_px
    if seeds is not None:
        keep &= np.bincount(labels[seeds], minlength=count) > 0
    keep[0] = False
    renumbered = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return renumbered[labels]
