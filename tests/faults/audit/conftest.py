"""The same encrypted house as the unit tests of the log."""

import importlib.util
import sys
from pathlib import Path

_SOURCE = Path(__file__).parents[2] / "unit" / "secure_records" / "audit" / "conftest.py"
_spec = importlib.util.spec_from_file_location("audit_house", _SOURCE)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _module
_spec.loader.exec_module(_module)
house = _module.house
