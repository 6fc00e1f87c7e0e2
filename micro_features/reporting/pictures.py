"""Pictures on a page: small enough to be sent, large enough to be seen."""

import io
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from micro_features.report.overlay import without_caption
from micro_features.reporting.folders import read_picture
from micro_features.reporting.measured import Measured

MOST_SHOWN = 60
"""More pictures than this are not all shown, but the least and the most trusted half of so many."""
_FEW = 24
_WIDTHS = (720, 540)  # of few and of many, pixels
_JPEG_QUALITY = 74
_NOT_KNOWN = 1e4  # factor by which porosity may move
_FIGURE_WIDTH = 1200
_COLOURS = 96


def trust(features: pd.DataFrame) -> "pd.Series[float]":
    """How far the numbers of each picture can be trusted, beside each other only: larger is better.

    Resolved grains first, by the F1 to be expected of them; the rest by how little porosity hangs on the threshold.
    """
    confidence = features.reindex(columns=["quality_segmentation_confidence"]).astype(float).fillna(0.0).iloc[:, 0]
    ends = features.reindex(columns=["quality_pore_area_low", "quality_pore_area_high"]).astype(float)
    factor = ends.iloc[:, 1].clip(lower=1) / ends.iloc[:, 0].clip(lower=0.01, upper=1)
    steady = 1 / (1 + np.log(factor.fillna(_NOT_KNOWN)))
    return (features["quality_grains_resolved"] * (1 + confidence) + 0.1 * steady).astype(float)


def chosen(measured: Measured) -> list[str]:
    """Pictures that are shown, least trusted first where not all are, else in the order of the table."""
    there = measured.features[measured.features["micrograph_id"].isin(list(measured.overlays))]
    if len(there) <= MOST_SHOWN:
        return list(there["micrograph_id"])
    ranked = list(there.assign(trust=trust(there)).sort_values("trust", kind="stable")["micrograph_id"])
    half = MOST_SHOWN // 2
    return ranked[:half] + ranked[-half:]


def thumbnail(path: Path, n_shown: int) -> bytes:
    """An overlay as a small JPEG, without the words below it.

    Parameters
    ----------
    path : Path
    n_shown : int
        Pictures on the page; many are made smaller.
    """
    pixels = without_caption(read_picture(path))
    small = _not_wider(pixels, _WIDTHS[n_shown > _FEW])
    done, content = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done
    return content.tobytes()


def figure(path: Path) -> bytes:
    """A figure of another command, no larger than a page needs.

    Parameters
    ----------
    path : Path
        PNG.

    Returns
    -------
    bytes
        As of `compact`.
    """
    return compact(Image.fromarray(_not_wider(read_picture(path), _FIGURE_WIDTH)))


def compact(picture: Image.Image) -> bytes:
    """The smaller of a PNG of few colours, in which lines stay sharp, and a JPEG."""
    lines, photograph = io.BytesIO(), io.BytesIO()
    plain = picture.convert("RGB")
    plain.quantize(_COLOURS, dither=Image.Dither.NONE).save(lines, "PNG", optimize=True)
    plain.save(photograph, "JPEG", quality=_JPEG_QUALITY)
    return min(lines.getvalue(), photograph.getvalue(), key=len)


def _not_wider(pixels: np.ndarray, width: int) -> np.ndarray:
    rows, cols = pixels.shape[:2]
    if cols <= width:
        return pixels
    return cv2.resize(pixels, (width, max(1, round(rows * width / cols))), interpolation=cv2.INTER_AREA)
