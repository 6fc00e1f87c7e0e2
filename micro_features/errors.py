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


class CorrectionsError(MicroFeaturesError, ValueError):
    """Corrections by hand are not what they should be, or were made for another picture."""


class ArtefactError(MicroFeaturesError, RuntimeError):
    """A trained model is missing, damaged or made for something else, or can not be trained from what was given."""


class OutputError(MicroFeaturesError, OSError):
    """Results can not be written where they were asked for."""


class ConvergenceError(MicroFeaturesError, ArithmeticError):
    """Equations could not be solved; there is no number to give."""
