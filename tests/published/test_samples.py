"""What the method is given: each thing that is wrong is one line that says what to do, and exclusions are said."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from micro_features.errors import (
    ArtefactError,
    CalibrationError,
    FeatureTableError,
    ImageError,
    MicroFeaturesError,
    SettingsError,
)
from micro_features.published.samples import check_weights, failure_note

from .conftest import CLASSES, GROUPS, NAMES, N, changed, made_up_set, read, request_for, settings


def refused(folder: Path, kind: type[MicroFeaturesError], *words: str, **more: object) -> None:
    with pytest.raises(kind) as caught:
        read(folder, **more)
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said


def test_pictures_classes_groups_and_folds(samples):
    assert samples.dataset.ids == tuple(NAMES)
    assert samples.dataset.class_names == ("low", "high")  # by the property, whatever they are called
    assert [samples.dataset.class_names[code] for code in samples.dataset.classes] == CLASSES
    assert samples.group == "sintering_schedule"
    assert list(samples.pictures) == NAMES
    for group in set(GROUPS):
        assert len({samples.fold[row] for row in range(N) if GROUPS[row] == group}) == 1
    assert set(samples.fold.tolist()) == {0, 1, 2}


def test_without_schedules_days_are_the_groups_and_what_that_means_is_said(drawn):
    changed(drawn / "manifest.csv", sintering_schedule=None)
    samples = read(drawn)
    assert samples.group == "acquisition_date"
    (note,) = [note for note in samples.notes if "days of acquisition" in note]
    assert "3 days" in note
    assert "days with more than one class: 3." in note
    assert "nearly that of a microscope session" in note


def test_without_either_a_group_is_asked_for(drawn):
    changed(drawn / "manifest.csv", sintering_schedule=None)
    changed(drawn / "features.csv", acquisition_date=[None] * N)
    refused(drawn, FeatureTableError, str(drawn / "manifest.csv"), "'sintering_schedule'", "--group")
    changed(drawn / "features.csv", acquisition_date=None)
    refused(drawn, FeatureTableError, "--group")
    changed(drawn / "manifest.csv", lot=GROUPS)
    assert read(drawn, group="lot").group == "lot"


def test_a_class_with_fewer_pictures_than_folds(made):
    refused(
        made,
        FeatureTableError,
        "class 'low' has 4 pictures, fewer than the 5 folds",
        "at most 4 with --set words.folds=N",
        cuts=(1.175e-6,),
        settings=settings(folds=5),
    )


def test_fewer_groups_than_folds(made):
    refused(
        made,
        FeatureTableError,
        "6 groups",
        "9 folds",
        "--set words.folds=6 leaves out each",
        settings=settings(folds=9),
    )


def test_one_class_only_is_left_in_training(drawn):
    changed(drawn / "manifest.csv", sintering_schedule=[name + str(row % 2) for row, name in enumerate(CLASSES)])
    with pytest.raises(FeatureTableError, match="all pictures are of class") as caught:
        for seed in range(20):  # two groups a class: some seed puts those of one class together
            read(drawn, settings=settings(folds=2).updated({"seed": seed}))
    assert "nothing can be learned; choose other folds with --seed" in str(caught.value)


def test_a_class_in_one_group_is_said(drawn):
    groups = ["first" if name == "low" else GROUPS[row] for row, name in enumerate(CLASSES)]
    changed(
        drawn / "manifest.csv",
        sintering_schedule=groups,
        conductivity_class=[
            "low" if name == "low" else ("median", "high")[row % 2] for row, name in enumerate(CLASSES)
        ],
        conductivity_S_per_cm=[
            1e-6 if name == "low" else (1e-5, 1e-4)[row % 2] * (1 + row / 100) for row, name in enumerate(CLASSES)
        ],
    )
    notes = read(drawn).notes
    assert "Class 'low' lies in one group, first: left out, it is not known to any model." in notes


def test_rows_without_pictures_and_pictures_without_rows_are_said_and_the_rest_is_used(drawn):
    manifest = pd.read_csv(drawn / "manifest.csv")
    manifest.loc[0, "file"] = "elsewhere.png"
    manifest.loc[1, "conductivity_S_per_cm"] = None
    manifest.to_csv(drawn / "manifest.csv", index=False)
    samples = read(drawn)
    assert list(samples.dataset.ids) == NAMES[2:]
    assert list(samples.pictures) == NAMES[2:]
    assert len(samples.fold) == len(samples.parameters.values) == N - 2
    assert "Rows: 1 left out, no row in manifest.csv (p00)." in samples.notes
    assert "Rows: 1 left out, no 'conductivity_S_per_cm' (p01)." in samples.notes
    assert "manifest.csv: 1 rows fit no picture (elsewhere.png)." in samples.notes


def test_a_manifest_of_other_pictures(drawn):
    changed(drawn / "manifest.csv", file=[f"x{row}.png" for row in range(N)])
    refused(drawn, FeatureTableError, str(drawn / "manifest.csv"), "no row fits a picture", "p00.png", "x0.png")
    changed(drawn / "manifest.csv", file=None)
    refused(drawn, FeatureTableError, str(drawn / "manifest.csv"), "no column 'file'")
    (drawn / "manifest.csv").unlink()
    refused(drawn, FeatureTableError, str(drawn / "manifest.csv"), "there is no such file")


def test_a_picture_in_two_folds(drawn, samples):
    first = 0
    other = int(np.flatnonzero(samples.fold != samples.fold[first])[0])
    shutil.copy(drawn / "pictures" / f"{NAMES[first]}.png", drawn / "pictures" / f"{NAMES[other]}.png")
    refused(drawn, FeatureTableError, f"{NAMES[first]} and {NAMES[other]} are the same picture in different folds")
    # In one fold, both are left out together.
    shutil.rmtree(drawn)
    made_up_set(drawn)
    shutil.copy(drawn / "pictures" / f"{NAMES[0]}.png", drawn / "pictures" / f"{NAMES[1]}.png")
    assert len(read(drawn).pictures) == N


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"window_px": 32, "overlap_px": 32}, ["words.overlap_px = 32, words.window_px = 32", "smaller"]),
        ({"window_px": 33}, ["words.window_px = 33", "a multiple of 2"]),
        ({"overlap_px": 15}, ["words.overlap_px = 15", "a multiple of 2"]),
    ],
)
def test_windows_that_do_not_fit_together(made, changes, words):
    refused(made, SettingsError, *words, settings=settings(**changes))


def test_windows_larger_than_a_picture_by_the_name_of_the_setting(made):
    words = ["words.window_px = 128: 24 of 24 pictures are smaller than a window", "at most 64"]
    refused(made, ImageError, *words, settings=settings(window_px=128))
    assert request_for(made, settings=settings(network="resnet18", window_px=33, overlap_px=16)).geometry.window == 33


def test_pictures_that_are_not_there(drawn):
    refused(drawn, ImageError, str(drawn / "typo"), "there is no such folder", pictures=drawn / "typo")
    refused(drawn, ImageError, str(drawn / "typo"), "no such folder", pictures=drawn / "typo", features=None)
    (drawn / "pictures" / "p03.png").unlink()
    refused(drawn, ImageError, "1 of 24 pictures are not there: p03.png", "as PATH")


def test_pictures_at_different_scales(drawn):
    changed(drawn / "features.csv", pixel_um=[0.25] * (N - 1) + [0.5])
    refused(drawn, SettingsError, "0.25 µm (p00) to 0.5 µm (p23)", "leave some out of the manifest")
    changed(drawn / "features.csv", pixel_um=[0.25] * (N - 1) + [None])
    refused(drawn, CalibrationError, "1 of 24 pictures have no pixel size (p23)", "out of the manifest")


def test_weights_are_looked_at_before_anything_is_computed(made, tmp_path):
    def asked(content: bytes | None, network: str = "resnet18"):
        path = tmp_path / "weights.safetensors"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        return request_for(made, weights=path, settings=settings(network=network))

    assert check_weights(request_for(made)) is None
    with pytest.raises(SettingsError, match=r"--weights are for ResNet18: add --set words.network=resnet18"):
        check_weights(asked(b"", "cnn"))
    with pytest.raises(SettingsError, match=r"weights.safetensors: can not be read: No such file"):
        check_weights(asked(None))
    with pytest.raises(ArtefactError, match=r"weights.safetensors: weights are read as safetensors only"):
        check_weights(asked(b"\x80\x04K\x01."))
    with pytest.raises(ArtefactError, match=r"weights.safetensors: file of weights is damaged"):
        check_weights(asked(b"no weights"))


def test_failures_are_named():
    from micro_features.batch import Failure

    assert failure_note([]) == []
    (note,) = failure_note([Failure(f"{name}.png", "read", "is damaged") for name in "abcd"])
    assert note.startswith("4 pictures could not be measured and are left out (a.png: is damaged; b.png")
    assert "d.png" not in note


def test_a_class_with_fewer_pictures_than_the_folds_of_a_fit(made, tmp_path):
    fold = [row // 4 % 5 for row in range(N)]
    pd.DataFrame({"micrograph_id": NAMES, "fold": fold}).to_csv(tmp_path / "folds.csv", index=False)
    assert read(made, fit=tmp_path).fold.max() == 4
    words = ["class 'low' has 4 pictures, fewer than the 5 folds"]
    refused(made, FeatureTableError, *words, cuts=(1.175e-6,), fit=tmp_path, settings=settings(folds=2))
