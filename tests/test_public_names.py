import subprocess
import sys

import pytest

import micro_features


def test_every_public_name_is_there_and_documented():
    for name in micro_features.__all__:
        assert getattr(micro_features, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = micro_features.nothing


def test_import_is_light():
    heavy = "import sys, micro_features; print([m for m in ('numpy', 'pandas', 'cv2', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
