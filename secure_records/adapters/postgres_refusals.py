"""Which of our refusals is meant by what a PostgreSQL server says?

By its five-character condition code, never by its words, which change with version
and language and may quote values. What is not listed here is a defect and stays one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import psycopg

from secure_records.errors import (
    SecureRecordsError,
    StoreBusy,
    StoreDamaged,
    StoreLocked,
    StoreSettingsRefused,
    StoreUnreachable,
    StoreValueRefused,
)

_Make: TypeAlias = Callable[[], SecureRecordsError]


def _busy() -> SecureRecordsError:
    return StoreBusy("the database stayed busy beyond the waiting time")


def _unreachable() -> SecureRecordsError:
    return StoreUnreachable("the database cannot be reached")


def _locked() -> SecureRecordsError:
    return StoreLocked(
        "the database does not let this account in",
        hint="check account, password and rights in the file with the database address",
    )


def _damaged() -> SecureRecordsError:
    return StoreDamaged("the database found damage in its files")


def _read_only() -> SecureRecordsError:
    return StoreSettingsRefused(
        "the database is read-only", where="standby", hint="name the primary server"
    )


def _full() -> SecureRecordsError:
    return StoreUnreachable(
        "the database is out of space, memory or connections",
        hint="free disk space or connections on the database server, then retry",
    )


def _value() -> SecureRecordsError:
    return StoreValueRefused("a value cannot be stored: a NUL character, or a number out of range")


_BY_CODE: Final[dict[str, _Make]] = {
    "57014": _busy,  # statement_timeout
    "55P03": _busy,  # lock_timeout
    "40P01": _busy,  # deadlock
    "40001": _busy,  # serialization
    "25P03": _busy,  # idle in transaction for too long
    "25P04": _busy,  # transaction_timeout
    "57P01": _unreachable,
    "57P02": _unreachable,
    "57P03": _unreachable,
    "3D000": _locked,  # no such database
    "3F000": _locked,  # no such schema
    "42501": _locked,
    "25006": _read_only,
    "XX001": _damaged,
    "XX002": _damaged,
}
_BY_CLASS: Final[dict[str, _Make]] = {
    "08": _unreachable,
    "22": _value,
    "28": _locked,
    "53": _full,
    "58": _damaged,
}


def refusal_of(error: BaseException | None) -> SecureRecordsError | None:
    """The refusal for an error of the driver; None if it is none of ours."""
    if not isinstance(error, psycopg.Error):
        return None
    code = error.sqlstate
    if code is None:
        # No condition code: the server never answered, or the driver refused a value itself.
        if isinstance(error, psycopg.DataError):
            return _value()
        if not isinstance(error, psycopg.OperationalError):
            return None
        return _turned_away(error) or _unreachable()
    make = _BY_CODE.get(code) or _BY_CLASS.get(code[:2])
    return None if make is None else make()


def _turned_away(error: psycopg.OperationalError) -> SecureRecordsError | None:
    """While connecting the code is lost: libpq keeps whether it asked for a password."""
    connection = error.pgconn
    if connection is not None and (connection.needs_password or connection.used_password):
        return _locked()
    return None
