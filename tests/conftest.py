from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real pictures and annotated truth, beside the checkout; not part of the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real pictures are not here (../shared/data)")
    return SHARED_DATA
