"""Arrays as bytes."""

import numpy as np
import pytest

from micro_features.app.frames import frame, greys, labels
from micro_features.app.wire import plain


@pytest.mark.parametrize("note", ["", "a", "µ" * 5, "x" * 7])  # heads of all lengths
def test_arrays_come_back_as_they_went(unframed, note):
    arrays = {
        "a": np.arange(15, dtype=np.uint8).reshape(3, 5),
        "b": np.array([1.5, np.nan, -np.inf], np.float32),
        "c": np.arange(40, dtype=np.uint16).reshape(5, 8)[::2, ::3],  # not in one piece
        "d": np.arange(3, dtype=">u4"),
        "e": np.empty((0, 4), np.uint32),
    }
    head, found = unframed(frame({"note": note, "nothing": np.nan}, arrays))
    assert (head["note"], head["nothing"]) == (note, None)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_only_what_browsers_can_look_at(unframed):
    for dtype in (np.int32, np.float64, bool):
        with pytest.raises(ValueError, match="not one of"):
            frame({}, {"a": np.zeros(3, dtype)})


@pytest.mark.parametrize(("most", "dtype"), [(65535, np.uint16), (65536, np.uint32)])
def test_labels_go_as_runs_in_few_bytes(unframed, most, dtype):
    array = np.zeros((600, 500), np.int32)
    array[100:300, 200:400] = most
    array[599, 490:] = 7
    for each in (array, array[::2, ::3], array[:1, :1], array[:0], np.full((3, 4), 5)):
        content = frame({}, {"first": np.zeros(1, np.uint8), "labels": labels(each), "last": np.ones(3, np.float32)})
        found = unframed(content)[1]
        np.testing.assert_array_equal(found["labels"], each)
        np.testing.assert_array_equal(found["last"], 1)
        assert len(content) < 8 * 400 + 600
    _, found = unframed(frame({}, {"labels": labels(array)}))
    assert found["labels"].dtype == dtype


def test_greys_are_those_of_the_file():
    np.testing.assert_array_equal(greys(np.arange(256, dtype=np.float32) / np.float32(255)), np.arange(256))
    np.testing.assert_array_equal(greys(np.array([-5.0, 7.0], np.float32)), [0, 255])


def test_what_json_can_not_tell_is_null():
    told = plain({"a": [np.float32("nan"), np.inf, np.int64(3), np.bool_(True), (1, 2.5)], 5: None, "b": np.arange(2)})
    assert told == {"a": [None, None, 3, True, [1, 2.5]], "5": None, "b": [0, 1]}
    assert type(told["a"][2]) is int
    assert told["a"][3] is True
