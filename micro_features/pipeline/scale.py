"""What is known of a picture's scale and origin, and the picture as a micrograph."""

import dataclasses
from dataclasses import dataclass

from micro_features.calibration.annotations import read_annotations
from micro_features.calibration.pixel_size import pixel_size
from micro_features.calibration.tags import acquisition_from_tags
from micro_features.data import Acquisition, Annotations, Micrograph, Picture, PixelSize
from micro_features.errors import CalibrationError
from micro_features.files.images import grey_levels

UNCALIBRATED = PixelSize(1.0, "uncalibrated", 0.0)


@dataclass(frozen=True)
class Calibrated:
    """What is known of a picture's scale and origin.

    Attributes
    ----------
    annotations : Annotations
    pixel_size : PixelSize
        `UNCALIBRATED` where lengths are in pixels.
    acquisition : Acquisition
        Vendor tags first, burned-in text where they are silent.
    """

    annotations: Annotations
    pixel_size: PixelSize
    acquisition: Acquisition

    @property
    def has_scale(self) -> bool:
        """False where lengths are in pixels."""
        return self.pixel_size is not UNCALIBRATED


def calibrate(picture: Picture, *, pixel_um: float | None = None, uncalibrated: bool = False) -> Calibrated:
    """Find data bar, scale bar and pixel size of a picture.

    Parameters
    ----------
    picture : Picture
    pixel_um : float, optional
        What the user says, micrometres; compared with what the picture says.
    uncalibrated : bool
        Do not ask for a pixel size; lengths are in pixels.

    Returns
    -------
    Calibrated

    Raises
    ------
    CalibrationError
        There is no trustworthy pixel size, or two sources disagree.
    """
    calibrated = _annotated(picture)
    if uncalibrated:
        return calibrated
    size = pixel_size(calibrated.annotations, picture, user_pixel_um=pixel_um)
    return dataclasses.replace(calibrated, pixel_size=size)


def calibrate_if_possible(
    picture: Picture, *, pixel_um: float | None = None, uncalibrated: bool = False
) -> tuple[Calibrated, str]:
    """Like `calibrate`, but where a pixel size is refused, lengths are in pixels and the reason is returned."""
    calibrated = _annotated(picture)
    if uncalibrated:
        return calibrated, ""
    try:
        size = pixel_size(calibrated.annotations, picture, user_pixel_um=pixel_um)
    except CalibrationError as error:
        return calibrated, str(error)
    return dataclasses.replace(calibrated, pixel_size=size), ""


def _annotated(picture: Picture) -> Calibrated:
    annotations = read_annotations(picture)
    stored = {
        name: value
        for name, value in dataclasses.asdict(acquisition_from_tags(picture.tags)).items()
        if value is not None
    }
    return Calibrated(annotations, UNCALIBRATED, dataclasses.replace(annotations.acquisition, **stored))


def micrograph_of(
    picture: Picture, calibrated: Calibrated, *, micrograph_id: str = "", sample_id: str = ""
) -> Micrograph:
    """A picture as a calibrated micrograph, what is no material masked.

    Parameters
    ----------
    picture : Picture
    calibrated : Calibrated
    micrograph_id, sample_id : str

    Returns
    -------
    Micrograph
    """
    image, valid = grey_levels(picture)
    for first_row, last_row, first_col, last_col in calibrated.annotations.masked:
        valid[first_row : last_row + 1, first_col : last_col + 1] = False
    return Micrograph(
        image=image,
        valid=valid,
        pixel_um=calibrated.pixel_size.pixel_um,
        calibrated=calibrated.has_scale,
        acquisition=calibrated.acquisition,
        micrograph_id=micrograph_id,
        sample_id=sample_id,
        sha256=picture.sha256,
    )
