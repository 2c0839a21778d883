"""A second process that rotates an index column and is killed where the test says.

Started by ``test_kill_during_reindex.py``; does nothing when imported.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[2] / "unit" / "secure_records" / "vault" / "conftest.py"


def main(folder: str, method: str, call: int, moment: str) -> None:
    """Kill this process at the ``call``-th call of ``method``, before or after it."""
    spec = importlib.util.spec_from_file_location("vault_rooms", CONFTEST)
    assert spec is not None
    assert spec.loader is not None
    rooms = importlib.util.module_from_spec(spec)
    sys.modules["vault_rooms"] = rooms
    spec.loader.exec_module(rooms)
    from secure_records.adapters.sql_record_store import SqlRecordStore  # noqa: PLC0415
    from secure_records.reindexing import reindex  # noqa: PLC0415

    room = rooms.Room(Path(folder))
    genuine = getattr(SqlRecordStore, method)
    calls = 0

    def counting(self: object, *arguments: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls == call and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = genuine(self, *arguments, **named)
        if calls == call and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(SqlRecordStore, method, counting)
    for _ in reindex(room.vault._parts, rooms.OFFICER, "phone", batch=3):
        pass


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
