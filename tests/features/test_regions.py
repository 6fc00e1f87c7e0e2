"""Regions against shapes whose measures are known, a slow sum from the definition, and other programs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import ConvexHull
from skimage.measure import regionprops_table

from micro_features.features.regions import REGION_COLUMNS, region_table


def measure(labels, valid=None, image=None, pixel_um=1.0):
    labels = np.asarray(labels, np.int32)
    valid = np.ones(labels.shape, bool) if valid is None else valid
    image = np.zeros(labels.shape, np.float32) if image is None else image
    return region_table(labels, image, valid, pixel_um=pixel_um, phase="grain")


def turned_rectangle(length, width, angle_deg, size=160):
    """A rectangle whose long side points `angle_deg` counter-clockwise from the right."""
    rows, cols = np.mgrid[:size, :size] - size / 2 + 0.3
    a = np.radians(angle_deg)
    along, across = cols * np.cos(a) - rows * np.sin(a), cols * np.sin(a) + rows * np.cos(a)
    return (np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)


def discs(radius, number=60, seed=0):
    """Discs of one radius at places between pixels, one label each, in a column."""
    rng = np.random.default_rng(seed)
    size = 2 * radius + 6
    rows, cols = np.mgrid[:size, :size]
    tiles = []
    for label in range(1, number + 1):
        row, col = size / 2 - rng.uniform(0, 1, 2)
        tiles.append(label * ((rows - row) ** 2 + (cols - col) ** 2 <= radius**2))
    return np.concatenate(tiles)


def blobs(seed=0, shape=(60, 70)):
    """Ragged regions, in pieces and with holes."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 9, (shape[0] // 5, shape[1] // 5)).repeat(5, axis=0).repeat(5, axis=1)
    return (coarse * (rng.random(coarse.shape) < 0.8)).astype(np.int32)


@pytest.mark.parametrize("radius", [5, 10, 25])
def test_discs_have_the_measures_of_discs(radius):
    table = measure(discs(radius), pixel_um=0.5)
    mean = table.mean(numeric_only=True)
    assert mean["area_um2"] == pytest.approx(np.pi * radius**2 / 4, rel=0.01)
    assert mean["equivalent_diameter_um"] == pytest.approx(radius, rel=0.005)
    assert mean["perimeter_um"] == pytest.approx(np.pi * radius, rel=0.01)
    assert mean["circularity"] == pytest.approx(1, abs=0.015)
    assert (table["circularity"] > 1).any()  # not clipped
    assert mean["feret_max_um"] == pytest.approx(radius, abs=0.5)
    assert mean["feret_min_um"] == pytest.approx(radius, abs=0.2)
    assert (table["solidity"] == 1).all()
    assert mean["aspect_ratio"] == pytest.approx(1, abs=0.04)


def test_squares_along_the_rows():
    labels = np.zeros((50, 90), np.int32)
    labels[5:45, 10:50] = 1
    labels[5:25, 60:70] = 2
    table = measure(labels, pixel_um=2.0).set_index("label")
    assert list(table["area_um2"]) == [40 * 40 * 4, 20 * 10 * 4]
    assert list(table["height_um"]) == [80, 40]
    assert list(table["width_um"]) == [80, 20]
    assert list(table["feret_min_um"]) == [80, 20]
    assert table.loc[1, "feret_max_um"] == pytest.approx(80 * np.sqrt(2), rel=0.02)
    assert list(table["aspect_ratio"]) == pytest.approx([1, 2])
    assert np.isnan(table.loc[1, "orientation_deg"])
    assert table.loc[2, "orientation_deg"] == pytest.approx(90)
    assert list(table["centroid_row_px"]) == [24.5, 14.5]
    assert list(table["centroid_col_px"]) == [29.5, 64.5]
    # The bias of four directions that the documentation states.
    assert table.loc[1, "perimeter_um"] == pytest.approx(0.945 * 4 * 80, rel=0.01)


@pytest.mark.parametrize("angle", [0, 10, 22.5, 37, 45, 80, 120, 165])
def test_turned_rectangles(angle):
    row = measure(turned_rectangle(90, 30, angle)).iloc[0]
    assert row["area_um2"] == pytest.approx(90 * 30, rel=0.02)
    assert row["aspect_ratio"] == pytest.approx(3, rel=0.02)
    assert (row["orientation_deg"] - angle + 90) % 180 - 90 == pytest.approx(0, abs=0.3)
    assert row["feret_min_um"] == pytest.approx(30, abs=1)
    assert row["feret_max_um"] == pytest.approx(np.hypot(90, 30), abs=1)
    assert -0.06 < row["perimeter_um"] / 240 - 1 < 0.025


def test_perimeter_is_right_on_average_over_orientations():
    turns = np.arange(0, 90, 3)
    perimeters = [measure(turned_rectangle(90, 30, turn))["perimeter_um"].iloc[0] for turn in turns]
    assert np.mean(perimeters) == pytest.approx(240, rel=0.01)


def test_moments_and_grey_agree_with_scikit_image():
    labels = blobs()
    image = np.random.default_rng(1).random(labels.shape, np.float32)
    table = measure(labels, image=image)
    names = ("label", "area", "centroid", "mean_intensity", "axis_major_length", "axis_minor_length", "bbox")
    peer = regionprops_table(labels, image, properties=names)
    np.testing.assert_array_equal(table["label"], peer["label"])
    np.testing.assert_allclose(table["area_um2"], peer["area"])
    np.testing.assert_allclose(table["centroid_row_px"], peer["centroid-0"])
    np.testing.assert_allclose(table["centroid_col_px"], peer["centroid-1"])
    np.testing.assert_allclose(table["mean_grey"], peer["mean_intensity"], rtol=1e-5)
    # Its pixels are points; the second moment of a square one is 1/12 more.
    major, minor = (peer[f"axis_{axis}_length"] ** 2 / 16 + 1 / 12 for axis in ("major", "minor"))
    np.testing.assert_allclose(table["aspect_ratio"], np.sqrt(major / minor))
    np.testing.assert_allclose(table["height_um"], peer["bbox-2"] - peer["bbox-0"])
    np.testing.assert_allclose(table["width_um"], peer["bbox-3"] - peer["bbox-1"])


def slow_hull_measures(mask):
    """Feret diameters from all pairs and many angles, and the hull's pixels, from their definitions."""
    pixels = np.argwhere(mask)
    edges = np.concatenate([pixels + shift for shift in ((0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5))])
    feret_max = np.sqrt(((edges[:, None] - edges[None]) ** 2).sum(axis=-1).max())
    angles = np.radians(np.arange(0, 180, 0.05))
    feret_min = np.ptp(edges @ np.stack([np.cos(angles), np.sin(angles)]), axis=0).min()
    hull = ConvexHull(pixels)
    grid = np.argwhere(np.ones(mask.shape))
    inside = (grid @ hull.equations[:, :2].T + hull.equations[:, 2] <= 1e-9).all(axis=1).sum()
    return feret_max, feret_min, len(pixels) / inside


def test_hull_measures_agree_with_their_definitions():
    labels = blobs(3, (40, 50))
    table = measure(labels)
    for row in table.itertuples():
        feret_max, feret_min, solidity = slow_hull_measures(labels == row.label)
        assert row.feret_max_um == pytest.approx(feret_max)
        assert row.feret_min_um == pytest.approx(feret_min, rel=1e-3)
        assert row.solidity == pytest.approx(solidity)


def test_a_single_pixel_and_a_line():
    labels = np.zeros((5, 12), np.int32)
    labels[1, 1] = 1
    labels[3, 1:11] = 2
    table = measure(labels).set_index("label")
    assert list(table["feret_max_um"]) == [1, 10]
    assert list(table["feret_min_um"]) == pytest.approx([np.sqrt(0.5), 1])
    assert list(table["solidity"]) == [1, 1]
    assert list(table["aspect_ratio"]) == pytest.approx([1, 10])
    assert table.loc[2, "orientation_deg"] == 0


def test_border_is_the_edge_of_the_picture_and_of_what_is_valid():
    labels = np.zeros((40, 40), np.int32)
    valid = np.ones(labels.shape, bool)
    valid[30:, :] = False
    valid[10:12, 10:12] = False
    labels[0, 20] = 1
    labels[15:18, 15:18] = 2
    labels[28:33, 30] = 3  # reaches into the data bar
    labels[12:14, 12:14] = 4  # touches the mask by a corner
    labels[5:9, 3:8] = 5
    labels[35:38, 5:9] = 6  # lies in the data bar
    table = measure(labels, valid).set_index("label")
    assert list(table.index) == [1, 2, 3, 4, 5]
    assert list(table["touches_border"]) == [True, False, True, True, False]
    assert table.loc[3, "area_um2"] == 2


@pytest.mark.parametrize(("line_px", "touch"), [(0, True), (1, True), (2, True), (3, False)])
def test_neighbours_of_a_square_lattice(line_px, touch):
    rows, cols = np.mgrid[:100, :120]
    labels = 1 + rows // 20 * 6 + cols // 20
    labels[(rows % 20 < line_px) | (cols % 20 < line_px)] = 0
    table = measure(labels)
    row, col = np.divmod(table["label"].to_numpy() - 1, 6)
    expected = 4 - (row == 0) - (row == 4) - (col == 0) - (col == 5)
    np.testing.assert_array_equal(table["neighbours"], expected if touch else 0)


def test_a_region_is_not_its_own_neighbour():
    labels = np.zeros((20, 20), np.int32)
    labels[3:12, 3:12] = 1
    labels[7, 7:9] = 0
    labels[8:10, 3:12] = 2
    assert list(measure(labels)["neighbours"]) == [1, 1]


def test_no_regions_keep_columns_and_types():
    full = measure(blobs())
    for labels in (np.zeros((20, 20)), np.zeros((0, 5)), np.full((5, 5), 3) * 0):
        empty = measure(labels)
        assert len(empty) == 0
        assert list(empty.columns) == list(REGION_COLUMNS)
        assert (empty.dtypes == full.dtypes).all()


def test_one_region_fills_the_picture():
    row = measure(np.full((30, 40), 7)).iloc[0]
    assert row["label"] == 7
    assert row["area_um2"] == 1200
    assert row["touches_border"]
    assert row["neighbours"] == 0


@pytest.mark.parametrize("large", [False, True])
def test_labels_may_be_any_numbers(large):
    labels = blobs()
    names = np.array([0, 5, 17, 18, 400, 1000, 20, 99, 3], np.int32)
    if large:
        names[[3, 4]] = 2**31 - 1, 2**20
    plain, odd = measure(labels), measure(names[labels])
    odd = odd.set_index("label").loc[names[plain["label"]]].reset_index()
    measures = [name for name in REGION_COLUMNS if name != "label"]
    assert plain[measures].equals(odd[measures])


def test_grey_outside_valid_is_not_looked_at():
    labels = blobs()
    valid = np.ones(labels.shape, bool)
    valid[:, 40:] = False
    image = np.full(labels.shape, 0.25, np.float32)
    image[~valid] = np.nan
    assert measure(labels, valid, image)["mean_grey"].to_numpy() == pytest.approx(0.25)


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90, np.transpose])
def test_flips_and_turns_change_no_measure(turn):
    labels = blobs(5)
    valid = np.ones(labels.shape, bool)
    valid[:7] = False
    image = np.random.default_rng(2).random(labels.shape, np.float32)
    before, after = measure(labels, valid, image), measure(turn(labels), turn(valid), turn(image))
    same = [c for c in REGION_COLUMNS if not c.startswith(("centroid", "orientation", "height", "width", "phase"))]
    np.testing.assert_allclose(before[same].astype(float), after[same].astype(float), rtol=1e-6)
    expected = {
        np.fliplr: -before["orientation_deg"],
        np.flipud: -before["orientation_deg"],
        np.rot90: before["orientation_deg"] + 90,
        np.transpose: 270 - before["orientation_deg"],
    }[turn]
    shift = (after["orientation_deg"] - expected + 90) % 180 - 90
    np.testing.assert_allclose(shift, 0, atol=1e-6)


def test_lengths_scale_with_the_pixel():
    one, three = measure(blobs()), measure(blobs(), pixel_um=3.0)
    for name in REGION_COLUMNS:
        power = 2 if name.endswith("_um2") else 1 if name.endswith("_um") else 0
        if name != "phase":
            np.testing.assert_allclose(three[name].astype(float), one[name].astype(float) * 3.0**power)


@settings(max_examples=60, deadline=None)
@given(arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 4)))
def test_any_label_image_is_answered(labels):
    table = measure(labels)
    assert table["area_um2"].sum() == np.count_nonzero(labels)
    assert list(table["label"]) == sorted(set(labels[labels > 0].tolist()))
    assert ((table["solidity"] > 0) & (table["solidity"] <= 1)).all()
    assert (table["feret_min_um"] <= table["feret_max_um"] + 1e-9).all()
    assert (table["aspect_ratio"] >= 1).all()
    numbers = table.drop(columns=["phase", "orientation_deg"]).astype(float)
    assert np.isfinite(numbers.to_numpy()).all()
