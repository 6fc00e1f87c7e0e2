"""``python -m micro_features``."""

import sys

from micro_features.cli import main

sys.exit(main())
