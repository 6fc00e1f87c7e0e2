"""What several commands do with what they were given."""

import argparse
import sys
from typing import TYPE_CHECKING

from micro_features.errors import SettingsError

if TYPE_CHECKING:
    from micro_features.settings import Settings


def settings_from(options: argparse.Namespace) -> "Settings":
    """The settings of a file, changed as `--method`, `--quick` and `--set` say, in this order."""
    from micro_features.settings import METHODS, QUICK, Settings

    settings = Settings()
    if options.settings is not None:
        try:
            text = options.settings.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{options.settings}: can not be read: {error}.") from None
        settings = Settings.from_toml(text, str(options.settings))
    method = getattr(options, "method", None)
    changes = {} if method is None else dict(METHODS[method])
    if getattr(options, "quick", False):
        changes |= QUICK
    for change in options.changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise SettingsError(f"--set {change}: write NAME=VALUE, as in --set pores.sensitivity=0.4.")
        changes[name.strip()] = value.strip()
    return settings.updated(changes)


def progress(line: str) -> None:
    """Tell what is being done."""
    print(f"{line} …", file=sys.stderr, flush=True)
