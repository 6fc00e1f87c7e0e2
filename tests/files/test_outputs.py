import numpy as np
import pytest
import tifffile

from micro_features.errors import OutputError
from micro_features.files.outputs import replacing, write_labels, write_png, write_text


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "table.csv"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="half way"), replacing(path) as file:
        file.write("new, but not wh")
        raise RuntimeError("half way")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["table.csv"]


def test_a_place_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/below/x.csv: can not be written"):
        write_text(tmp_path / "file" / "below" / "x.csv", "")


@pytest.mark.parametrize(("largest", "depth"), [(0, np.uint16), (65535, np.uint16), (65536, np.uint32)])
def test_labels_come_back_in_the_smallest_depth_that_holds_them(tmp_path, largest, depth):
    labels = np.zeros((40, 50), np.int32)
    labels[3, 4] = largest
    write_labels(tmp_path / "labels.tif", labels)
    back = tifffile.imread(tmp_path / "labels.tif")
    assert back.dtype == depth
    np.testing.assert_array_equal(back, labels)


def test_png_keeps_its_colours(tmp_path):
    from PIL import Image

    rgb = np.zeros((32, 48, 3), np.uint8)
    rgb[:16] = (250, 120, 3)
    write_png(tmp_path / "a name, with\nodd 'characters'.png", rgb)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a name, with\nodd 'characters'.png")), rgb)
