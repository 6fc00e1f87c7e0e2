import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from micro_features.files.artefacts import shipped
from micro_features.reporting.measured import Measured, _overlays, read_measured
from micro_features.reporting.pictures import MOST_SHOWN, chosen, compact, thumbnail, trust
from micro_features.reporting.sizes import sizes_of


def test_names_that_look_like_numbers_are_names(extracted):
    measured = read_measured(extracted)
    assert {"3.67e-4", "3.70e-4"} <= set(measured.features["micrograph_id"])
    assert set(measured.regions["micrograph_id"]) <= set(measured.features["micrograph_id"])
    assert len(measured.overlays) == 4
    assert measured.overlays["3.67e-4"].name == "3.67e-4.png"


def test_a_sample_is_named_with_its_surface_where_it_has_several(extracted):
    measured = read_measured(extracted)
    named = dict(zip(measured.features["micrograph_id"], measured.features["specimen"], strict=True))
    assert named["3.67e-4"] == "s (polished)"
    assert list(named.values()).count("s (fracture)") == 1


def overlays(tmp_path, rows, files, failed=()):
    (tmp_path / "overlays").mkdir()
    for name in files:
        (tmp_path / "overlays" / name).touch()
    features = pd.DataFrame(rows, columns=["micrograph_id", "path"])
    found = _overlays(tmp_path, features, pd.DataFrame({"path": list(failed)}, dtype=object))
    return {name: path.name for name, path in found.items()}


def test_overlays_are_found_by_file_or_by_id_where_names_repeat(tmp_path):
    rows = [("x/a", "in/x/a.tif"), ("y/a", "in/y/a.tif"), ("y/b", "in/y/b.tif"), ("c", "in/c.tif")]
    found = overlays(tmp_path, rows, ["x__a.png", "y__a.png", "b.png"])
    assert found == {"x/a": "x__a.png", "y/a": "y__a.png", "y/b": "b.png"}


def test_the_overlay_of_another_picture_is_never_shown(tmp_path):
    # `x/a` has none; `a.png` would be that of the picture at the top.
    assert overlays(tmp_path, [("x/a", "in/x/a.tif"), ("a", "in/a.tif")], ["a.png"]) == {"a": "a.png"}


def test_a_picture_that_failed_has_taken_part_in_the_naming(tmp_path):
    assert overlays(tmp_path, [("x/a", "in/x/a.tif")], ["x__a.png"], failed=["in/y/a.tif"]) == {"x/a": "x__a.png"}


def test_pages_have_overlays_of_their_own(tmp_path):
    rows = [("a.page1", "a.tif"), ("a.page2", "a.tif"), ("b.page1", "b.page1.tif")]
    files = ["a.page1.png", "a.page2.png", "b.page1.png"]
    assert overlays(tmp_path, rows, files) == dict(zip(["a.page1", "a.page2", "b.page1"], files, strict=True))


@pytest.mark.parametrize("phase", ["grain", "pore"])
def test_weights_give_the_means_of_the_feature_table(phase, extracted):
    measured = read_measured(extracted)
    row = measured.features.set_index("micrograph_id").loc["3.67e-4"]
    one = Measured(**{**vars(measured), "features": measured.features[measured.features["micrograph_id"] == "3.67e-4"]})
    (found,) = sizes_of(one, phase, "um")
    mean = np.average(found.diameters, weights=found.weights)
    assert mean == pytest.approx(row[f"{phase}_diameter_mean_um"], rel=2e-3)
    assert mean > 1.001 * found.diameters.mean()
    by_area = np.average(found.diameters, weights=found.weights * found.areas)
    assert by_area == pytest.approx(row[f"{phase}_diameter_area_weighted_mean_um"], rel=5e-3)


def test_sizes_of_grains_are_of_resolved_pictures_only(extracted):
    measured = read_measured(extracted)
    assert [each.specimen for each in sizes_of(measured, "grain", "um")] == ["s (polished)"]
    assert len(sizes_of(measured, "pore", "um")) == 3
    assert sizes_of(measured, "pore", "px") == []


def test_grains_that_the_user_insisted_on_are_not_told_as_resolved(extracted):
    measured = read_measured(extracted)
    features = measured.features.assign(quality_grains_resolved=False)
    assert sizes_of(Measured(**{**vars(measured), "features": features}), "grain", "um") == []


def many(n, tmp_path):
    confidence = np.linspace(1, 0, n)
    features = pd.DataFrame(
        {
            "micrograph_id": [f"p{place}" for place in range(n)],
            "quality_grains_resolved": confidence > 0.2,
            "quality_segmentation_confidence": confidence,
            "quality_pore_area_low": 0.9,
            "quality_pore_area_high": 1 + np.arange(n),
        }
    )
    empty = pd.DataFrame()
    return Measured(tmp_path, features, empty, empty, empty, {}, dict.fromkeys(features["micrograph_id"], tmp_path))


def test_of_many_pictures_the_worst_and_the_best_are_shown(tmp_path):
    measured = many(MOST_SHOWN + 40, tmp_path)
    shown = chosen(measured)
    half = MOST_SHOWN // 2
    assert shown[:half] == [f"p{place}" for place in range(MOST_SHOWN + 39, MOST_SHOWN + 39 - half, -1)]
    assert set(shown[half:]) == {f"p{place}" for place in range(half)}
    assert chosen(many(MOST_SHOWN, tmp_path)) == [f"p{place}" for place in range(MOST_SHOWN)]


def test_what_is_not_known_is_trusted_least():
    table = pd.DataFrame({"quality_grains_resolved": [False, False, True]})
    ends = {"quality_pore_area_low": [np.nan, 0.5, np.nan], "quality_pore_area_high": [np.nan, 2.0, np.nan]}
    assert list(np.argsort(trust(table.assign(**ends)))) == [0, 1, 2]
    assert np.isfinite(trust(table)).all()


def test_sixty_pictures_make_a_page_that_can_be_sent(tmp_path):
    drawn = cv2.imread(str(shipped("data", "synthetic", "micrographs", "s01a.png")))
    cv2.imwrite(str(tmp_path / "large.png"), cv2.resize(drawn, (1280, 1024), interpolation=cv2.INTER_NEAREST))
    small = thumbnail(tmp_path / "large.png", MOST_SHOWN)
    assert small.startswith(b"\xff\xd8")
    assert MOST_SHOWN * len(small) * 4 / 3 < 7e6
    assert len(thumbnail(tmp_path / "large.png", 1)) > len(small)


def test_drawings_stay_sharp_and_photographs_small():
    lines = np.full((300, 300, 3), 255, np.uint8)
    lines[100:103] = 0
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    assert compact(Image.fromarray(lines)).startswith(b"\x89PNG")
    assert compact(Image.fromarray(noise)).startswith(b"\xff\xd8")
