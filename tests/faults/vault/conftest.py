"""The same rooms as the unit tests of the vault."""

import sys
from importlib import util
from pathlib import Path

_PATH = Path(__file__).parents[2] / "unit" / "secure_records" / "vault" / "conftest.py"
_NAME = "vault_room_for_faults"
_SPEC = util.spec_from_file_location(_NAME, _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
_room = util.module_from_spec(_SPEC)
sys.modules[_NAME] = _room
_SPEC.loader.exec_module(_room)

make_room, room, stored, officer = _room.make_room, _room.room, _room.stored, _room.officer
