import cv2
import numpy as np
import pytest

from micro_features.calibration.databar import eight_bit, find_panels, side_of, to_edges


@pytest.mark.parametrize("level", [0, 53, 255])
@pytest.mark.parametrize("place", ["bottom", "top"])
@pytest.mark.parametrize("jpeg", [None, 85])
def test_strip_is_found_to_the_row(draw, level, place, jpeg):
    drawn = draw(place=place, level=level, jpeg=jpeg)
    (panel,) = find_panels(drawn.picture.pixels)
    assert side_of(panel.box, drawn.picture.pixels.shape) == place
    assert panel.box[2:] == (0, 719)
    np.testing.assert_allclose(panel.box[:2], drawn.rows, atol=1 if jpeg else 0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_strip_at_a_side(draw, side):
    # A bottom strip turned by a quarter: its marks are marks still.
    upright = np.rot90(draw(place="bottom").picture.pixels, 1 if side == "right" else -1)
    (panel,) = find_panels(np.ascontiguousarray(upright))
    assert side_of(panel.box, upright.shape) == side
    assert panel.box[1] - panel.box[0] + 1 == upright.shape[0]
    assert panel.box[3] - panel.box[2] + 1 == 90


@pytest.mark.parametrize(("rule", "rows_below"), [(1, 0), (3, 0), (0, 2), (2, 2)])
def test_rule_belongs_to_the_strip_and_picture_rows_below_do_not(draw, rule, rows_below):
    drawn = draw(rule=rule, rows_below=rows_below)
    (panel,) = find_panels(drawn.picture.pixels)
    assert panel.box[:2] == drawn.rows
    assert side_of(panel.box, (480, 720)) == "bottom"
    assert to_edges(panel.box, "bottom", (480, 720)) == (drawn.rows[0], 479, 0, 719)


@pytest.mark.parametrize("level", [0, 255])
def test_box_leaves_the_picture_around_it(draw, level):
    drawn = draw(place="box", level=level)
    (panel,) = find_panels(drawn.picture.pixels)
    assert side_of(panel.box, (480, 720)) == "inside"
    assert panel.box == (*drawn.rows, 30, 390)


def test_table_of_cells_is_one_panel(draw):
    pixels = draw(level=53).picture.pixels.copy()
    first = 390
    pixels[[first, first + 45, 479]] = 99
    pixels[first:, [0, 200, 360, 520, 719]] = 99
    (panel,) = find_panels(pixels)
    assert panel.box == (first, 479, 0, 719)


def test_black_bar_of_a_blanked_picture(draw):
    drawn = draw(rule=1, image=np.zeros((480, 720), np.uint8))
    (panel,) = find_panels(drawn.picture.pixels)
    assert panel.box[:2] == drawn.rows


def _without_bar(blotches):
    grains = blotches(480, 720)
    dark_bottom = grains.copy()
    dark_bottom[300:] //= 12
    sharp_black_bottom = grains.copy()
    sharp_black_bottom[400:] = 0
    gradient = np.linspace(0, 255, 480)[:, None].repeat(720, 1).astype(np.uint8)
    checks = (np.indices((480, 720)).sum(axis=0) // 60 % 2 * 255).astype(np.uint8)
    blobs = np.zeros((480, 720), np.uint8)
    for k in range(40):
        cv2.circle(blobs, (17 * k, (k * 97) % 480), 4 + k % 9, 200, -1)
    return {
        "grains": grains,
        "black": np.zeros((480, 720), np.uint8),
        "white": np.full((480, 720), 255, np.uint8),
        "grey": np.full((480, 720), 77, np.uint8),
        "dark bottom": dark_bottom,
        "black bottom": sharp_black_bottom,
        "gradient": gradient,
        "noise": np.random.default_rng(1).integers(0, 256, (480, 720)).astype(np.uint8),
        "mostly clipped": np.clip(grains.astype(int) * 3 - 300, 0, 255).astype(np.uint8),
        "saturated": np.clip(grains.astype(int) * 3, 0, 255).astype(np.uint8),
        "checks": checks,
        "blobs on black": blobs,
    }


@pytest.mark.parametrize(
    "name",
    [
        *("grains", "black", "white", "grey", "dark bottom", "black bottom", "gradient", "noise", "mostly clipped"),
        *("saturated", "checks", "blobs on black"),
    ],
)
def test_no_panel_where_none_is_drawn(blotches, name):
    assert find_panels(_without_bar(blotches)[name]) == []


def test_eight_bit_of_other_depths():
    twelve = np.array([[0, 2048, 4095]], np.uint16)
    np.testing.assert_array_equal(eight_bit(twelve, 4095.0), [[0, 128, 255]])
    floats = np.array([[0.0, 1.0, np.nan, np.inf, -np.inf]], np.float32)
    np.testing.assert_array_equal(eight_bit(floats, 1.0), [[0, 255, 0, 255, 0]])


@pytest.mark.parametrize("place", ["bottom", "top"])
@pytest.mark.parametrize("jpeg", [None, 90])
def test_strip_is_parted_from_a_picture_that_is_as_dark(draw, place, jpeg):
    image = np.full((480, 720), 120, np.uint8)
    rng = np.random.default_rng(0)
    dark = slice(240, None) if place == "bottom" else slice(0, 240)
    image[dark] = np.clip(rng.normal(3.5, 2, (240, 720)), 0, 255)
    image[:240] += (rng.normal(size=(240, 720)) * 8).astype(np.uint8) if place == "bottom" else 0
    drawn = draw(image=image, place=place, jpeg=jpeg)
    (panel, *_) = find_panels(drawn.picture.pixels)
    assert side_of(panel.box, (480, 720)) == place
    assert panel.box[:2] == pytest.approx(drawn.rows, abs=2 if jpeg else 0)
