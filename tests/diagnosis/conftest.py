"""The layers that mistakes are planted in lie with the other fixtures; put them on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "fixtures"))
