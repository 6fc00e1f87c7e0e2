"""The command `report`: folders are read, sections made of them, one page written."""

import contextlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from micro_features import __version__
from micro_features.errors import ArtefactError, OutputError
from micro_features.features.standards import standings
from micro_features.files.outputs import write_text
from micro_features.report.page import Section, page
from micro_features.reporting import fit_sections, origin_sections, other_sections
from micro_features.reporting.calibration_section import calibration
from micro_features.reporting.distribution_section import distributions
from micro_features.reporting.folders import MARKS, sources
from micro_features.reporting.learned import Learned, read_learned
from micro_features.reporting.measured import Measured, read_measured
from micro_features.reporting.picture_section import pictures
from micro_features.reporting.standards_section import standards
from micro_features.reporting.summary_section import summary

DEFAULT_NAME = "report.html"
_MAKERS: dict[str, tuple[Callable[[Learned], Section], ...]] = {
    "fit": (fit_sections.scores, fit_sections.explained_features),
    "cnn": (other_sections.network,),
    "explained": (other_sections.explained,),
    "published": (other_sections.published,),
    "sensitivity": (other_sections.sensitivity,),
}
"""In the order in which a reader asks."""
_HEADLINES: dict[str, Callable[[Learned], list[str]]] = {
    "fit": fit_sections.headlines,
    "explained": other_sections.headlines_of_explained,
    "published": other_sections.headlines_of_published,
}
_OURS = "micro-features report"
_LOOKED_AT = 4096  # characters in which a page says what wrote it


def report(
    folder: Path,
    *,
    named: Mapping[str, Path | None],
    output: Path | None = None,
    title: str = "",
    command_line: Sequence[str] = (),
    tell: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write a report of what other commands wrote.

    Parameters
    ----------
    folder : Path
        That ``extract`` wrote, or that holds it as ``extract``.
    named : mapping of str to Path or None
        Folders of other commands by the names of `folders.MARKS`; those not named are looked for below `folder`.
    output : Path, optional
        New file; ``report.html`` in `folder` where left out, which takes the place of an earlier report.
    title : str
    command_line : sequence of str
    tell : callable
        Told what is being done.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    OutputError
        Something stands there that is not to be lost.
    ArtefactError, FeatureTableError
        A folder holds no results, or damaged ones.
    """
    found = sources(folder, named)
    target = check_target(folder, output)
    tell("reading results")
    measured = read_measured(found.measured)
    learned = {name: read_learned(name, path) for name, path in found.others.items()}
    tell("drawing")
    made = sections(measured, learned, shlex.join(["micro-features", *command_line]))
    title = title or f"Micrographs of {folder.resolve().name}"
    write_text(target, page(title, made, generator=f"{_OURS} {__version__}"))
    return target


def check_target(folder: Path, output: Path | None) -> Path:
    """Where the report goes: a new file, or an earlier report with the usual name.

    Raises
    ------
    OutputError
        Another file stands there, or the name is that of no page.
    """
    if output is None:
        target = folder / DEFAULT_NAME
        if target.exists() and not _is_ours(target):
            raise OutputError(f"{target}: exists, and was not written by `report`; name another file with -o.")
        return target
    if output.exists():
        raise OutputError(f"{output}: exists; name another file.")
    if output.suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{output}: reports are written as .html; a browser prints them to PDF.")
    return output


def _is_ours(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as file:
            return f'<meta name="generator" content="{_OURS} ' in file.read(_LOOKED_AT)
    except (OSError, UnicodeDecodeError):
        return False


def sections(measured: Measured, learned: Mapping[str, Learned], command: str) -> list[Section]:
    """All sections for which there is something to tell, in the order in which a reader asks.

    Parameters
    ----------
    measured : Measured
    learned : mapping of str to Learned
        By the names of `folders.MARKS`.
    command : str
        That makes this report.

    Returns
    -------
    list of Section
    """
    of_specimens = standings(measured.features)
    link: list[str] = []
    of_learned: list[Section] = []
    for name, makers in _MAKERS.items():
        if name in learned:
            with _as_written(learned[name].folder / MARKS[name][0]):
                link += _HEADLINES[name](learned[name]) if name in _HEADLINES else []
                of_learned += [make(learned[name]) for make in makers]
    if "fit" in learned:
        link += fit_sections.measured_otherwise(learned["fit"], set(measured.features["settings_digest"].dropna()))
    with _as_written(measured.folder / "provenance.json"):
        origin = [origin_sections.settings(measured), origin_sections.provenance(measured, learned, command)]
    made = [summary(measured, of_specimens, link)]
    if len(measured.features):
        made += [pictures(measured), calibration(measured), distributions(measured), standards(of_specimens)]
    return [*made, *of_learned, *origin]


@contextlib.contextmanager
def _as_written(path: Path) -> Iterator[None]:
    """What a file for programs holds may have been changed by hand, in more ways than can be asked for one by one."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ArtefactError(f"{path}: does not hold what the command writes ({what}); run it again.") from error
