"""What the numbers come from: settings, versions, hashes, command lines."""

import shlex
from collections.abc import Mapping
from typing import Any

import pandas as pd

from micro_features.report.page import Section, Table
from micro_features.reporting.learned import Learned
from micro_features.reporting.measured import Measured
from micro_features.reporting.wording import UNKNOWN, counted, listed, moment
from micro_features.settings.controls import Control, controls

_ELSEWHERE = "words."
"""Of the published method: no number of extract depends on them."""


def settings(measured: Measured) -> Section:
    """Settings off their default first, then all of them with bounds and meaning."""
    provenance = measured.provenance
    known = {each.name: each for each in controls()}
    values = {name: value for name, value in _dotted(provenance["settings"]).items() if not name.startswith(_ELSEWHERE)}
    values.pop("version", None)
    changed = {name: value for name, value in values.items() if name not in known or known[name].default != value}
    said = [
        f"{counted(len(changed), 'setting')} of {len(values)} {'is' if len(changed) == 1 else 'are'} off the default."
        if changed
        else f"All {len(values)} settings are at their default."
    ]
    others = _measured_otherwise(measured, values)
    if len(others):
        said.append(
            f"Careful: {counted(int(others['Pictures'].sum()), 'picture')} measured with other settings, their own or "
            "those of an earlier run; the table says which. Compare pictures that were measured alike."
        )
    tables = [Table("Off the default.", _table(changed, known), rows_named=True)] if changed else []
    if len(others):
        tables.append(Table("Pictures that were measured with other settings.", others))
    tables.append(Table("All settings that extract knows.", _table(values, known), rows_named=True))
    return Section("Settings", said, tables, large=True)


def _measured_otherwise(measured: Measured, values: Mapping[str, Any]) -> pd.DataFrame:
    """How many pictures have other settings than those of the last run, which ones as an example, and what differs."""
    features, provenance = measured.features, measured.provenance
    known = provenance.get("settings_of_earlier_rows") or {}
    rows = []
    for digest, pictures in features.groupby("settings_digest", sort=False)["micrograph_id"]:
        if digest == provenance.get("settings_digest"):
            continue
        differing = {
            name: value for name, value in _dotted(known.get(digest)).items() if values.get(name, value) != value
        }
        rows.append(
            {
                "Pictures": len(pictures),
                "As": listed(list(pictures)),
                "What differs": tuple(f"{name}: {_value(value)}" for name, value in differing.items()) or "not noted",
            }
        )
    return pd.DataFrame(rows, columns=["Pictures", "As", "What differs"])


def _dotted(nested: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in nested.items() if isinstance(nested, Mapping) else ():
        flat |= {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, Mapping) else {name: value}
    return flat


def _table(values: Mapping[str, Any], known: Mapping[str, Control]) -> pd.DataFrame:
    rows = []
    for name, value in values.items():
        control = known.get(name)
        rows.append(
            {
                "Setting": name,
                "Value": _value(value),
                "Default": _value(control.default) if control else UNKNOWN,
                "Unit": control.unit if control else "",
                "Bounds": _bounds(control) if control else "",
                "Plausible": f"{_value(control.plausible[0])} to {_value(control.plausible[1])}"
                if control and control.plausible
                else "",
                "Meaning": control.description if control else "Not known to this version.",
            }
        )
    return pd.DataFrame(rows)


def _bounds(control: Control) -> str:
    if control.choices:
        return ", ".join(control.choices)
    low = "" if control.minimum is None else f"{'above' if control.low_excluded else 'from'} {_value(control.minimum)}"
    high = "" if control.maximum is None else f"to {_value(control.maximum)}"
    return f"{low} {high}".strip()


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def provenance(measured: Measured, learned: Mapping[str, Learned], report_command: str) -> Section:
    """Command lines, versions and hashes."""
    of = {"extract": measured.provenance, **{name: each.provenance for name, each in learned.items()}}
    runs = pd.DataFrame(
        [
            {
                "What": name,
                "Program": each.get("software", UNKNOWN),
                "Finished": moment(each.get("finished")),
                "Command line": _command(each),
            }
            for name, each in of.items()
        ]
        + [{"What": "report", "Program": "", "Finished": "", "Command line": report_command}]
    )
    folders = pd.DataFrame(
        [{"What": "extract", "Folder": str(measured.folder)}]
        + [{"What": name, "Folder": str(each.folder)} for name, each in learned.items()]
    )
    own = measured.provenance
    packages = own.get("packages")
    versions = pd.DataFrame(
        [
            {"What": "Python", "Version": str(own.get("python", UNKNOWN))},
            {"What": "Platform", "Version": str(own.get("platform", UNKNOWN))},
            *({"What": f"{name}", "Version": str(v)} for name, v in (packages or {}).items()),
            *({"What": f"model of {name}", "Version": str(v)} for name, v in (own.get("models_digest") or {}).items()),
            {"What": "seed", "Version": str(own.get("seed", UNKNOWN))},
            {"What": "digest of the settings", "Version": str(own.get("settings_digest", UNKNOWN))},
        ]
    )
    hashes = pd.DataFrame(
        [{"Picture": path, "SHA-256": str(digest)} for path, digest in (own.get("inputs_sha256") or {}).items()]
    )
    tables = [
        Table("Commands that made what this page shows.", runs, rows_named=True, codes=("Command line",)),
        Table("Folders that it was read from.", folders, rows_named=True, codes=("Folder",)),
        Table("What extract ran with.", versions, rows_named=True),
    ]
    if len(hashes):
        tables.append(Table("Pictures and the SHA-256 of their files.", hashes, rows_named=True, codes=("SHA-256",)))
    return Section("Where the numbers come from", (), tables)


def _command(provenance: Mapping[str, Any]) -> str:
    words = provenance.get("command")
    return f"micro-features {shlex.join(map(str, words))}" if isinstance(words, list) and words else UNKNOWN
