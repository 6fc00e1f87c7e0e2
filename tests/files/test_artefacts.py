"""Models on disk whose files are checked: what was changed, lost or added is named."""

import hashlib
import json
from pathlib import Path

import pytest

from micro_features.errors import ArtefactError, OutputError
from micro_features.files.artefacts import (
    OPEN_PART,
    model_folder,
    read_checked_model,
    shipped,
    write_checked_model,
    write_model,
)

FILES = {
    "model.ubj": b"trees\r\n",
    "schema.json": b'{\n "a": 1\n}\n',
    "card.md": f"# Card\nR2 0.1\n{OPEN_PART}\nfill in\n".encode(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_checked_model(tmp_path / "m", FILES)
    return tmp_path / "m"


def test_what_was_written_is_read(folder):
    assert read_checked_model(folder) == FILES
    sums = json.loads((folder / "checksums.json").read_text())
    assert sums["model.ubj"] == hashlib.sha256(FILES["model.ubj"]).hexdigest()
    assert set(sums) == set(FILES)


@pytest.mark.parametrize("name", list(FILES))
def test_a_changed_byte_is_named(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=rf"{name}: was changed"):
        read_checked_model(folder)


@pytest.mark.parametrize("name", list(FILES))
def test_a_lost_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(ArtefactError, match=rf"{name}: can not be read"):
        read_checked_model(folder)


def test_added_weights_are_refused_and_notes_are_not(folder):
    (folder / "notes.txt").write_text("mine")
    read_checked_model(folder)
    (folder / "fold-99.ubj").write_bytes(b"")
    with pytest.raises(ArtefactError, match=r"fold-99\.ubj: does not belong"):
        read_checked_model(folder)


def test_people_may_complete_the_card_below_its_mark_only(folder):
    card = (folder / "card.md").read_text(encoding="utf-8")
    (folder / "card.md").write_text(card.replace("fill in", "by A. Author, CC BY"), encoding="utf-8")
    read_checked_model(folder)
    (folder / "card.md").write_text(card.replace("0.1", "0.9"), encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"card\.md: was changed"):
        read_checked_model(folder)


def test_line_ends_of_text_may_change_and_those_of_weights_may_not(folder):
    (folder / "schema.json").write_bytes(FILES["schema.json"].replace(b"\n", b"\r\n"))
    read_checked_model(folder)
    (folder / "model.ubj").write_bytes(FILES["model.ubj"].replace(b"\r\n", b"\n"))
    with pytest.raises(ArtefactError, match=r"model\.ubj: was changed"):
        read_checked_model(folder)


@pytest.mark.parametrize("content", ["", "[]", '{"../secret": "0"}', '{"a/b": "0"}'])
def test_damaged_checksums_are_refused(folder, content):
    (folder / "checksums.json").write_text(content)
    with pytest.raises(ArtefactError, match=r"checksums\.json: is damaged"):
        read_checked_model(folder)


def test_a_folder_that_is_no_such_model_says_so(tmp_path, monkeypatch):
    with pytest.raises(ArtefactError, match="there is no such model"):
        read_checked_model(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtefactError, match=r"checksums\.json: can not be read"):
        read_checked_model(tmp_path / "empty")
    write_checked_model(tmp_path / "models" / "ours", FILES)
    monkeypatch.setattr("micro_features.files.artefacts.shipped", lambda *parts: tmp_path.joinpath(*parts))
    assert model_folder("ours") == tmp_path / "models" / "ours"
    with pytest.raises(ArtefactError, match="one that ships: ours"):
        read_checked_model(tmp_path / "none")


def test_nothing_is_overwritten(folder):
    with pytest.raises(OutputError, match="exists already"):
        write_checked_model(folder, FILES)
    with pytest.raises(OutputError, match="exists already"):
        write_model(folder, {}, card="", provenance={})


@pytest.mark.parametrize("what", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_model_that_was_not_written_to_its_end_is_not_there(tmp_path, monkeypatch, what):
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "card.md":
            raise what
        return write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OutputError if isinstance(what, OSError) else KeyboardInterrupt):
            write_checked_model(tmp_path / "out" / "m", FILES)
    assert list((tmp_path / "out").iterdir()) == []
    write_checked_model(tmp_path / "out" / "m", FILES)
    assert read_checked_model(tmp_path / "out" / "m") == FILES


def test_a_folder_that_is_there_and_empty_is_filled(tmp_path):
    (tmp_path / "m").mkdir()
    write_checked_model(tmp_path / "m", FILES)
    assert read_checked_model(tmp_path / "m") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_models_of_segmentation_are_written_as_before(tmp_path):
    write_model(tmp_path / "m", {"a.ubj": b"1"}, card="# µ\n", provenance={"seed": 0})
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["a.ubj", "card.md", "provenance.json"]
    assert (tmp_path / "m" / "card.md").read_text(encoding="utf-8") == "# µ\n"
    assert json.loads((tmp_path / "m" / "provenance.json").read_text()) == {"seed": 0}


def test_names_are_of_models_that_ship_and_paths_of_others(tmp_path):
    assert model_folder("pore-xgboost") == shipped("models", "pore-xgboost")
    assert model_folder(str(tmp_path)) == tmp_path
    assert model_folder("no-such-name") == Path("no-such-name")
