"""What `extract` would write for the picture that is on the page, as one archive."""

import io
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

from micro_features import rows
from micro_features.app.engine import Bench, Outcome
from micro_features.files.outputs import write_labels, write_png, write_text
from micro_features.files.tables import join_tables, write_table
from micro_features.report.overlay import draw_overlay
from micro_features.settings import Settings, annotated_toml


def archive(bench: Bench, outcome: Outcome, settings: Settings) -> bytes:
    """Tables, labels and overlay of one picture.

    Parameters
    ----------
    bench : Bench
    outcome : Outcome
        Of this picture, with these settings.
    settings : Settings

    Returns
    -------
    bytes
        A ZIP archive: ``features.csv``, ``regions.csv``, ``dictionary.csv``, ``overlay.png``, ``grains.tif``,
        ``pores.tif``, ``settings.toml``.
    """
    with tempfile.TemporaryDirectory(prefix="micro-features-") as name:
        folder = Path(name)
        _write(folder, bench, outcome, settings)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
            for path in sorted(folder.iterdir()):
                bundle.write(path, path.name)
        return buffer.getvalue()


def _write(folder: Path, bench: Bench, outcome: Outcome, settings: Settings) -> None:
    micrograph, measured, segmentation = bench.micrograph, outcome.measured, outcome.segmentation
    table = rows.typed(pd.DataFrame([outcome.row]))
    write_table(folder / "features.csv", table)
    part = folder / "regions.parquet"
    write_table(part, rows.region_rows(measured.regions, micrograph))
    columns = join_tables([part], folder / "regions.csv")  # as `extract` writes its regions
    part.unlink()
    apparent = outcome.row["stereology"] == "apparent"
    write_table(folder / "dictionary.csv", rows.dictionary(table.columns, columns, table="features", apparent=apparent))
    shown = measured.quality["quality_grains_resolved"] or settings.measure.unresolved_grains
    overlay = draw_overlay(
        micrograph.image,
        grains=segmentation.grains if shown else None,
        pores=segmentation.pores,
        annotations=bench.calibrated.annotations,
        caption=rows.caption(outcome.row, micrograph.calibrated),
    )
    write_png(folder / "overlay.png", overlay)
    write_labels(folder / "grains.tif", segmentation.grains)
    write_labels(folder / "pores.tif", segmentation.pores)
    write_text(folder / "settings.toml", annotated_toml(settings))
