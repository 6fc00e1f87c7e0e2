"""Two who save at once."""

import concurrent.futures
import time

import pytest

from micro_features.app import settings_file
from micro_features.app.settings_file import Conflict, SettingsFile
from micro_features.errors import SettingsError
from micro_features.files.outputs import write_text
from micro_features.settings import Settings


def test_of_those_who_save_at_once_one_succeeds(tmp_path, monkeypatch):
    file = SettingsFile(tmp_path / "settings.toml")

    def slowly(path, content):
        time.sleep(0.05)
        write_text(path, content)

    monkeypatch.setattr(settings_file, "write_text", slowly)

    def save(number):
        try:
            file.save(Settings().updated({"seed": number}), "")
        except Conflict as conflict:
            assert conflict.revision
            assert conflict.saved["seed"] > 0
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(save, range(1, 6))) == 1


def test_a_file_that_can_not_be_read_is_told(tmp_path):
    (tmp_path / "settings.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="can not be read"):
        SettingsFile(tmp_path / "settings.toml")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match="can not be read"):
        SettingsFile(tmp_path / "folder")
