"""What did the surroundings of this process say?

The only reader of environment variables. They choose a home, a language, a
person and where the root passphrase lies; they never carry a key themselves
outside the demo profile.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Surroundings(BaseSettings):
    """``JINKUI_*`` variables."""

    model_config = SettingsConfigDict(env_prefix="JINKUI_", extra="ignore")

    home: Path = Path("var/home")
    """Folder of the home when --home is not given."""

    passphrase_file: Path | None = None
    """File with the root passphrase; default: ``keys/passphrase`` in a demo home only."""

    dsn_file: Path | None = None
    """File with the address of the database server; stands above ``[store] dsn_file``."""
    second_passphrase_file: Path | None = None
    """File of the second person, in a home whose root needs two."""

    lang: str = "zh"
    """``zh`` or ``en``."""

    actor: str = ""
    """Who a terminal command acts as when --as is not given."""

    database_url: SecretStr = SecretStr("")
    """SQLAlchemy URL of the platform's own database, for `jinkui adopt`; a file is better."""

    debug: bool = False
    """Show the trace of a defect; it may quote values, so never in production."""
