"""What a data set is made of: which column is what, and which rows are used. Alike for all kinds of models."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DatasetRequest:
    """What is asked of a table.

    Attributes
    ----------
    target, group : str
        Columns of the table or of the manifest; as a group, ``folder`` is the folder that a picture lies in.
    manifest : Path or None
        What is stated about pictures, by file name.
    features : tuple of str
        Columns to use instead of those that are in the catalogue of features.
    log10 : bool
        Model the target's decadic logarithm.
    target_from_name : bool
        The target's values are the pictures' file names, as in ``4.28e-4 (2).tif``; `target` is what they are called.
    classes : str or None
        Column of class labels, or ``folder``; cut points are put midway between the classes.
    cuts : tuple of float
        Cut points between classes, rising, in the target's unit, instead of labels.
    per_micrograph : bool
        Pictures of one sample stay rows of their own; else their features are averaged.
    where : tuple of str
        ``column=value``: only rows for which all hold.
    id_column : str or None
        Names the rows of a table without ``micrograph_id``.
    """

    target: str
    group: str
    manifest: Path | None = None
    features: tuple[str, ...] = ()
    log10: bool = True
    target_from_name: bool = False
    classes: str | None = None
    cuts: tuple[float, ...] = ()
    per_micrograph: bool = False
    where: tuple[str, ...] = ()
    id_column: str | None = None
