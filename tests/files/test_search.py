from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micro_features.files.journal import Journal
from micro_features.files.search import Found, file_stems, find_pictures, picture_ids, without_suffix


@pytest.fixture
def folder(tmp_path):
    for name in ("b.tif", "a.PNG", "High/1.0e-4 (2).tif", "High/x.jpeg", "notes.txt", ".hidden/y.png", "._a.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "pictures"


def names(found):
    return [item.below_root for item in found]


def test_folders_are_searched_in_a_stable_order(folder):
    found, failures = find_pictures([folder])
    assert names(found) == ["High/1.0e-4 (2).tif", "High/x.jpeg", "a.PNG", "b.tif"]
    assert not failures
    assert found[-1].path == folder / "b.tif"


def test_a_named_file_is_taken_whatever_its_suffix_and_once(folder):
    found, _ = find_pictures([folder / "notes.txt", folder / "b.tif", folder, folder / "High" / ".." / "b.tif"])
    assert names(found).count("b.tif") == 1
    assert names(found)[0] == "notes.txt"


def test_what_was_tuned_by_hand_is_no_picture(folder):
    for suffix in (".tuned.json", ".tuned.draft.json"):
        (folder / f"b.tif{suffix}").write_text("{}")
    for paths in ([folder / "b.tif"], [folder]):
        alone, failures = find_pictures(paths)
        assert not failures
        beside, failures = find_pictures([*paths, folder / "b.tif.tuned.json", folder / "b.tif.tuned.draft.json"])
        assert names(beside) == names(alone)
        assert not failures
    found, [(path, reason)] = find_pictures([folder / "b.tif.tuned.json"])
    assert not found
    assert path.endswith("b.tif.tuned.json")
    assert "name the picture" in reason


def test_loops_are_visited_once(folder):
    (folder / "High" / "loop").symlink_to(folder)
    found, failures = find_pictures([folder])
    assert len(found) == 4
    assert not failures


def test_what_is_missing_or_empty_is_said(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    (folder / "broken.png").symlink_to(tmp_path / "nowhere")
    found, failures = find_pictures([tmp_path / "nothing", tmp_path / "empty", folder])
    assert dict(failures) == {
        str(tmp_path / "nothing"): "there is no such file or folder",
        str(tmp_path / "empty"): "no picture below this folder (looked for .bmp .jpeg .jpg .png .tif .tiff)",
    }
    assert "broken.png" in names(found)  # its failure comes when it is opened


@pytest.mark.parametrize("place", [".", "results", "High"])
def test_results_are_not_pictures_and_pictures_beside_them_are(folder, place):
    with Journal(folder / place, "extract"):
        for name in ("overlays", "grains", "pores"):
            (folder / place / name).mkdir()
            (folder / place / name / "a.png").write_bytes(b"")
    assert len(find_pictures([folder])[0]) == 4


def test_a_folder_that_can_not_be_looked_into_is_a_failure(folder, monkeypatch):
    real = Path.iterdir

    def iterdir(path):
        if path.name == "High":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    found, failures = find_pictures([folder])
    assert names(found) == ["a.PNG", "b.tif"]
    assert failures == [(str(folder / "High"), "the folder can not be read: Permission denied")]


def test_ids_are_paths_below_the_root_and_unique():
    found = [Found(Path(f"r/{name}"), name) for name in ("a.tif", "a.png", "b/a.tif", "3.67e-4.tif")]
    assert picture_ids(found, {}) == ["a.tif", "a.png", "b/a", "3.67e-4"]


def test_ids_of_earlier_runs_stay():
    new = [Found(Path("/two/a.tif"), "a.tif"), Found(Path("/two/../two/b.tif"), "b.tif")]
    assert picture_ids(new, {"/one/a.tif": "a", "/two/b.tif": "old"}) == ["a~2", "old"]


def test_result_files_are_named_by_stem_or_id():
    assert file_stems(["High/a", "Low/a", "b"], ["a", "a", "b"]) == ["High__a", "Low__a", "b"]
    assert file_stems(["A", "x/a"], ["A", "a"]) == ["A", "x__a"]


def test_long_names_leave_room_for_what_is_added():
    first, second = file_stems(["µ" * 120 + "a", "µ" * 120 + "b"], ["µ" * 120 + "a", "µ" * 120 + "b"])
    assert first != second
    assert max(len(name.encode()) for name in (first, second)) <= 160


def test_only_picture_suffixes_are_taken_off():
    assert [without_suffix(name) for name in ("a.TIF", "3.67e-4", "b.tar.png", ".png")] == [
        "a",
        "3.67e-4",
        "b.tar",
        ".png",
    ]


parts = st.lists(st.sampled_from(["a", "A", "b", "a~2", "x"]), min_size=1, max_size=3).map("/".join)


@given(st.lists(st.tuples(parts, st.sampled_from([".tif", ".png", ""])), unique=True, max_size=8))
def test_ids_and_names_are_unique_whatever_the_files_are_called(files):
    found = [Found(Path("root") / (name + suffix), name + suffix) for name, suffix in files]
    ids = picture_ids(found, {"elsewhere/a.tif": "a"})
    assert len(set(ids)) == len(ids)
    assert "a" not in ids
    stems = file_stems(ids, [Path(item.below_root).stem for item in found])
    assert len({stem.casefold() for stem in stems}) == len(stems)
    assert not any("/" in stem for stem in stems)
