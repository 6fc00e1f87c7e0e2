"""What was tuned by hand for single pictures is kept, whole, and nobody's is lost."""

import json
import multiprocessing
import os
import tempfile

import pytest

from micro_features.errors import CorrectionsError, OutputError
from micro_features.files.tuned import (
    ChangedMeanwhile,
    Tuned,
    content_sha256,
    has_draft,
    read_all,
    read_tuned,
    remove_draft,
    sidecar,
    write_draft,
    write_tuned,
)

OF_PICTURE = {"picture": "a.tif", "sha256": "abc"}
ERASE = {"kind": "erase", "phase": "pore", "at": [3.0, 4.0]}


def save(path, page=0, settings=None, corrections=(), seen=None):
    return write_tuned(path, page=page, settings=settings or {}, corrections=corrections, seen=seen, **OF_PICTURE)


@pytest.fixture
def path(tmp_path):
    return sidecar(tmp_path / "a.tif")


def test_it_stands_beside_the_picture_or_in_a_folder(tmp_path):
    picture = tmp_path / "a.tif"
    assert sidecar(picture) == tmp_path / "a.tif.tuned.json"
    assert sidecar(picture, draft=True) == tmp_path / "a.tif.tuned.draft.json"
    assert sidecar(picture, tmp_path / "notes") == tmp_path / "notes" / "a.tif.tuned.json"


def test_what_is_saved_reads_back(path):
    revision = save(path, settings={"pores.threshold": 0.4}, corrections=[ERASE])
    assert read_tuned(path, page=0, sha256="abc") == Tuned({"pores.threshold": 0.4}, (ERASE,), revision)
    assert revision


def test_nothing_saved_is_nothing(path):
    assert read_tuned(path, page=0) == Tuned()
    assert not read_tuned(path, page=0)
    assert content_sha256(path) == ""


def test_pages_do_not_lose_each_other(path):
    first = save(path, page=0, settings={"seed": 1})
    save(path, page=2, corrections=[ERASE], seen="")
    assert read_tuned(path, page=0).revision == first
    assert read_tuned(path, page=1) == Tuned()
    assert read_tuned(path, page=2).corrections == (ERASE,)
    assert len(read_all(path)) == 2
    save(path, page=0, seen=first)
    assert read_tuned(path, page=0) == Tuned()
    assert read_tuned(path, page=2).corrections == (ERASE,)


def test_the_file_goes_with_the_last_of_it_and_leaves_no_litter(path):
    save(path, settings={"seed": 1})
    assert save(path) == ""
    assert list(path.parent.iterdir()) == []


def test_what_somebody_else_saved_is_not_written_over(path):
    seen = save(path, settings={"seed": 1})
    save(path, settings={"seed": 2}, seen=seen)
    with pytest.raises(ChangedMeanwhile, match="by somebody else") as raised:
        save(path, settings={"seed": 3}, seen=seen)
    assert raised.value.found.settings == {"seed": 2}
    assert read_tuned(path, page=0).settings == {"seed": 2}
    save(path, settings={"seed": 3}, seen=raised.value.found.revision)
    assert read_tuned(path, page=0).settings == {"seed": 3}


def test_another_content_of_the_picture_is_refused(path):
    save(path, settings={"seed": 1})
    with pytest.raises(CorrectionsError, match=r"another content of a\.tif"):
        read_tuned(path, page=0, sha256="other")
    with pytest.raises(CorrectionsError, match="another content"):
        write_tuned(path, picture="a.tif", sha256="other", page=0, settings={}, corrections=[], seen=None)
    assert read_tuned(path, page=0).settings == {"seed": 1}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not what `tune` writes"),
        (b"[]", "not what `tune` writes"),
        (b"\xff\xfe", "not what `tune` writes"),
        (b'{"format": 7}', "of format 7"),
        (
            b'{"format": 1, "picture": "a", "sha256": "b", "pages": {"x": {"settings": {}, "corrections": []}}}',
            "not what",
        ),
        (
            b'{"format": 1, "picture": "a", "sha256": "b", "pages": {"1": {"settings": [], "corrections": []}}}',
            "not what",
        ),
        (b'{"format": 1, "picture": 3, "sha256": "b", "pages": {}}', "not what"),
        (b"[" * 200_000, "not what"),
        (b" " * 8_000_001, "larger than 8 MB"),
    ],
)
def test_what_is_none_of_ours_is_named_and_left(path, content, said):
    path.write_bytes(content)
    with pytest.raises(CorrectionsError, match=said):
        read_tuned(path, page=0)
    with pytest.raises(CorrectionsError, match=said):
        save(path, settings={"seed": 1})
    assert path.read_bytes() == content


def test_a_folder_of_that_name_is_named(path):
    path.mkdir()
    with pytest.raises(CorrectionsError, match="can not be read"):
        read_tuned(path, page=0)


def test_links_and_pipes_are_not_followed(path):
    (path.parent / "real.json").write_text("{}")
    path.symlink_to(path.parent / "real.json")
    with pytest.raises(CorrectionsError, match="no plain file"):
        read_tuned(path, page=0)
    with pytest.raises(CorrectionsError, match="no plain file"):
        content_sha256(path)
    with pytest.raises(CorrectionsError, match="no plain file"):
        save(path, settings={"seed": 1})
    path.unlink()
    if hasattr(os, "mkfifo"):  # reading would wait for ever
        os.mkfifo(path)
        with pytest.raises(CorrectionsError, match="no plain file"):
            read_tuned(path, page=0)


def test_what_could_not_be_read_again_is_not_written(path):
    seen = save(path, settings={"seed": 1})
    many = [{"kind": "split", "phase": "grain", "stroke": [[1.5, 2.5]] * 5000}] * 200
    with pytest.raises(OutputError, match="more than 8 MB"):
        save(path, corrections=many, seen=seen)
    assert read_tuned(path, page=0).settings == {"seed": 1}
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_lock_that_can_not_be_had_is_no_defect_of_the_program(path, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    with pytest.raises(OutputError, match="can not be written"):
        save(path, settings={"seed": 1})


def test_where_nothing_can_be_written_it_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((OutputError, CorrectionsError), match="file"):
        save(sidecar(tmp_path / "file" / "a.tif"), settings={"seed": 1})


def test_a_draft_outlives_and_can_be_thrown_away(tmp_path):
    path = sidecar(tmp_path / "a.tif", draft=True)
    write_draft(path, page=1, settings={}, corrections=[ERASE], **OF_PICTURE)
    write_draft(path, page=0, settings={"seed": 2}, corrections=[], **OF_PICTURE)
    found = read_tuned(path, page=1, sha256="abc")
    assert found.corrections == (ERASE,)
    assert found.saved_at.startswith("20")
    assert has_draft(path, page=0)
    remove_draft(path, page=0)
    assert not has_draft(path, page=0)
    assert has_draft(path, page=1)
    remove_draft(path, page=1)
    remove_draft(path, page=1)
    assert list(tmp_path.iterdir()) == []


def test_a_draft_that_can_not_be_read_is_written_over(tmp_path):
    path = sidecar(tmp_path / "a.tif", draft=True)
    path.write_text("{")
    assert not has_draft(path, page=0)
    write_draft(path, page=0, settings={}, corrections=[ERASE], **OF_PICTURE)
    assert has_draft(path, page=0)


def _save_page(path, page):
    for seed in range(10):
        save(path, page=page, settings={"seed": seed})


def test_writers_at_the_same_time_lose_nothing(path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_save_page, args=(path, page)) for page in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    pages = json.loads(path.read_text())["pages"]
    assert {number: page["settings"]["seed"] for number, page in pages.items()} == {"1": 9, "2": 9, "3": 9}
