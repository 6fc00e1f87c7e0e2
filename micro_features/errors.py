"""One class for each situation; each is also the built-in error a caller would expect.

The text of every error gives the file or column, the value found and what to do.
"""


class MicroFeaturesError(Exception):
    """Base of every error that is the input's fault and not a defect of the program."""


class SettingsError(MicroFeaturesError, ValueError):
    """A setting is unknown, has the wrong type or lies outside its bounds."""


class ImageError(MicroFeaturesError, ValueError):
    """A picture can not be read, or can not be measured."""


class CalibrationError(MicroFeaturesError, ValueError):
    """The pixel size is missing, unreadable, or its sources disagree."""


class FeatureTableError(MicroFeaturesError, ValueError):
    """A table lacks a column, or a column holds what it should not."""


class OutputError(MicroFeaturesError, OSError):
    """Results can not be written where they were asked for."""


class MissingExtraError(MicroFeaturesError, ImportError):
    """An optional part is not installed.

    Parameters
    ----------
    purpose : str
        What was about to be done, as in ``"reading the scale bar's text"``.
    extra : str
        Name of the extra that brings the missing package, as in ``"ocr"``.
    """

    def __init__(self, purpose: str, extra: str):
        super().__init__(f"{purpose} needs an optional part: pip install 'micro-features[{extra}]'.")
        self.extra = extra
