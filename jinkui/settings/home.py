"""Where does this hospital's data live, and how was the home set up?

A home is a folder. ``home.toml`` names the institution, the profile and the
suite; ``keys/`` holds the root descriptor and the key database; ``records.db``
holds everything else; ``anchor/`` holds the newest checkpoint and belongs on
another medium. Settings come from ``config/defaults.toml``, then ``home.toml``,
then the environment; unknown keys are refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Final

from jinkui.settings.environment import Surroundings
from shared_kernel.errors import BadInput, NotFound, Refused

PROFILES: Final = ("demo", "test", "production")
SUITES: Final = ("gm", "intl")
EMBEDDED: Final = "embedded"
POSTGRESQL: Final = "postgresql"
ENGINES: Final = (EMBEDDED, POSTGRESQL)
Scalar = str | int | bool | list[int]


class HomeNotFound(NotFound):
    """There is no home in that folder."""

    code = "home.not_found"
    default_hint = "make one with `jinkui init`, or name another folder with --home"


class HomeExists(Refused):
    """A home is never overwritten."""

    code = "home.exists"
    default_hint = "choose an empty folder; an existing home is never overwritten"


class SettingsRefused(BadInput):
    """A setting is unknown, of the wrong type or out of its set."""

    code = "settings.refused"
    default_hint = "compare with config/defaults.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One hospital's folder and its settings."""

    folder: Path
    institution: str
    """Unified social credit code; also the tenant."""
    institution_name: str
    profile: str
    """``demo``, ``test`` or ``production``."""
    suite: str
    """``gm`` or ``intl``."""
    origin: str
    """First line of every checkpoint; changes only with a new epoch of the log."""
    default_actor: str
    """Who a terminal command acts as when --as is not given; empty: must be given."""
    settings: Mapping[str, Mapping[str, Scalar]]
    sources: Mapping[str, str] = field(default_factory=dict)
    """``section.key`` → ``defaults``, ``home.toml`` or ``environment``."""

    @property
    def keys_folder(self) -> Path:
        """Root descriptor and key database; its own backup, its own term."""
        return self.folder / "keys"

    @property
    def records_file(self) -> Path:
        """The encrypted store, where it is a file."""
        return self.folder / "records.db"

    @property
    def engine(self) -> str:
        """``embedded`` or ``postgresql``."""
        return self.text("store", "engine")

    @property
    def dsn_file(self) -> Path | None:
        """File with the address of the database server; a relative path begins at the home."""
        name = self.text("store", "dsn_file")
        return self.folder / name if name else None

    @property
    def anchor_file(self) -> Path:
        """The newest checkpoint. Put this folder on another medium or machine."""
        return self.folder / "anchor" / "checkpoint"

    def text(self, section: str, key: str) -> str:
        """A text setting."""
        return str(self.settings[section][key])

    def number(self, section: str, key: str) -> int:
        """A whole-number setting."""
        value = self.settings[section][key]
        if isinstance(value, list | str):
            raise SettingsRefused(
                f"{section}.{key} is not a whole number", where=f"{section}.{key}"
            )
        return int(value)

    def flag(self, section: str, key: str) -> bool:
        """A setting that is on or off."""
        value = self.settings[section][key]
        if not isinstance(value, bool):
            raise SettingsRefused(f"{section}.{key} is not true or false", where=f"{section}.{key}")
        return value

    def numbers(self, section: str, key: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        value = self.settings[section][key]
        if not isinstance(value, list):
            raise SettingsRefused(f"{section}.{key} is not a list", where=f"{section}.{key}")
        return tuple(value)


def config_text(name: str) -> str:
    """A file shipped in ``config/``: inside the wheel, or beside the package in a checkout."""
    packaged = files("jinkui") / "config" / name
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "config" / name).read_text(encoding="utf-8")


def read_home(folder: Path) -> Home:
    """Read ``home.toml`` over the defaults.

    Raises:
        HomeNotFound: no ``home.toml`` there.
        SettingsRefused: malformed, or with a key that the defaults do not know.
    """
    path = folder / "home.toml"
    if not path.is_file():
        raise HomeNotFound(f"no Jinkui home in {folder}", where=str(folder))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SettingsRefused("home.toml is not UTF-8", where="home.toml") from error
    document = _toml(text, "home.toml")
    head = document.pop("home", None)
    if not isinstance(head, dict):
        raise SettingsRefused("home.toml has no [home] section", where="home")
    settings, sources = _merge(_toml(config_text("defaults.toml"), "defaults.toml"), document)
    around = Surroundings().dsn_file
    if around is not None:
        settings["store"]["dsn_file"] = str(around)
        sources["store.dsn_file"] = "environment"
    _one_of(settings["store"], "engine", ENGINES)
    profile, suite = _one_of(head, "profile", PROFILES), _one_of(head, "suite", SUITES)
    return Home(
        folder=folder,
        institution=_text(head, "institution"),
        institution_name=_text(head, "institution_name"),
        profile=profile,
        suite=suite,
        origin=_text(head, "origin"),
        default_actor=_text(head, "default_actor"),
        settings=settings,
        sources=sources,
    )


def write_home(
    folder: Path, head: Mapping[str, str], sections: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Create the folder and its ``home.toml``; refuse to touch an existing home.

    Args:
        folder: Made if absent, readable by its owner only.
        head: The ``[home]`` section.
        sections: Further sections with text settings.

    Raises:
        HomeExists: there is one already.
    """
    path = folder / "home.toml"
    if path.exists():
        raise HomeExists(f"{folder} already holds a home", where=str(folder))
    for part in ("keys", "anchor", "input", "out"):
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / part).chmod(0o700)
    folder.chmod(0o700)
    lines = [
        "# Made by `jinkui init`. Sections of config/defaults.toml may be overridden below.",
        "[home]",
    ]
    lines += [f"{key} = {_quoted(value)}" for key, value in head.items()]
    for name, values in (sections or {}).items():
        lines += ["", f"[{name}]", *(f"{k} = {_quoted(v)}" for k, v in values.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _toml(text: str, name: str) -> dict[str, object]:
    try:
        return dict(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsRefused(f"{name} is not valid TOML: {error}", where=name) from error


def _merge(
    defaults: Mapping[str, object], overrides: Mapping[str, object]
) -> tuple[dict[str, dict[str, Scalar]], dict[str, str]]:
    merged: dict[str, dict[str, Scalar]] = {}
    sources: dict[str, str] = {}
    for section, keys in defaults.items():
        if not isinstance(keys, dict):
            raise SettingsRefused(f"{section} is not a section", where=section)
        merged[section] = dict(keys)
        sources.update({f"{section}.{key}": "defaults" for key in keys})
    for section, keys in overrides.items():
        if section not in merged or not isinstance(keys, dict):
            raise SettingsRefused(f"unknown section [{section}] in home.toml", where=section)
        for key, value in keys.items():
            where = f"{section}.{key}"
            if key not in merged[section]:
                raise SettingsRefused(f"unknown setting {where}", where=where)
            if type(value) is not type(merged[section][key]):
                raise SettingsRefused(f"{where} has the wrong type", where=where)
            merged[section][key] = value
            sources[where] = "home.toml"
    return merged, sources


def _text(head: Mapping[str, object], key: str) -> str:
    value = head.get(key)
    if not isinstance(value, str):
        raise SettingsRefused(f"home.toml: [home] {key} is missing or not text", where=key)
    return value


def _one_of(head: Mapping[str, object], key: str, allowed: tuple[str, ...]) -> str:
    value = _text(head, key)
    if value not in allowed:
        raise SettingsRefused(f"home.toml: {key} must be one of {', '.join(allowed)}", where=key)
    return value
