"""Annotated pictures: pictures matched with label images, and what is refused."""

import numpy as np
import pytest
from PIL import Image

from micro_features.annotated import Case, cases, read_case
from micro_features.errors import ImageError
from micro_features.settings import Settings


@pytest.fixture
def folders(tmp_path):
    """Two pictures, one below a folder of its own; label images for both."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(1, 5, dtype=np.uint8), 16)[None].repeat(64, axis=0)
    for name in ("a", "sub/b"):
        for folder, pixels in (("images", rng.integers(0, 255, (64, 64), np.uint8)), ("labels", labels)):
            path = tmp_path / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path


def test_pictures_find_their_label_images_by_name(folders):
    Image.fromarray(np.ones((9, 9), np.uint8)).save(folders / "labels/of_nothing.png")
    Image.fromarray(np.ones((9, 9), np.uint8)).save(folders / "images/lonely.png")
    found, failures = cases(folders / "images", folders / "labels", "grains", Settings())
    assert [(case.name, case.labels) for case in found] == [
        ("a", folders / "labels/a.png"),
        ("sub/b", folders / "labels/sub/b.png"),
    ]
    (failure,) = failures
    assert failure.path.endswith("lonely.png")
    assert "labels/lonely.png or .tif is needed" in failure.reason


def test_one_picture_and_one_label_image_may_have_any_names(folders):
    (case,), failures = cases(folders / "images/a.png", folders / "labels/sub/b.png", "grains", Settings())
    assert not failures
    _, labels = read_case(case)
    assert labels.max() == 4


def test_nothing_to_look_at_is_refused(folders):
    (folders / "nothing").mkdir()
    for images, labels in (("nothing", "labels"), ("images", "nothing"), ("gone", "labels")):
        with pytest.raises(ImageError, match=r"nothing|gone"):
            cases(folders / images, folders / labels, "grains", Settings())
    with pytest.raises(ImageError, match="one label image for 2 pictures"):
        cases(folders / "images", folders / "labels/a.png", "grains", Settings())


@pytest.mark.parametrize(
    ("painted", "words"),
    [
        ([1, 2], ""),
        ([0], "is empty"),
        ([1], "strokes of one kind only, 1"),
        ([2], "strokes of one kind only, 2"),
        ([1, 2, 255], r"holds 255: strokes are 0 \(not painted\), 1 \(inside a grain\) and 2"),
    ],
)
def test_strokes_are_of_two_kinds(folders, painted, words):
    strokes = np.zeros((64, 64), np.uint8)
    for i, value in enumerate(painted):
        strokes[8 * i : 8 * i + 4] = value
    Image.fromarray(strokes).save(folders / "labels/a.png")
    case = Case(folders / "images/a.png", folders / "labels/a.png", "a", "strokes", Settings())
    if words:
        with pytest.raises(ImageError, match=words):
            read_case(case)
    else:
        assert np.array_equal(read_case(case)[1], strokes)


def test_one_label_for_all_is_a_mask_and_no_grains(folders):
    Image.fromarray(np.full((64, 64), 255, np.uint8)).save(folders / "labels/a.png")
    of = {
        kind: Case(folders / "images/a.png", folders / "labels/a.png", "a", kind, Settings())
        for kind in ("grains", "pores")
    }
    with pytest.raises(ImageError, match="one label only, 255: every grain needs its own number"):
        read_case(of["grains"])
    assert (read_case(of["pores"])[1] == 255).all()
