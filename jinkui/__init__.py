"""How do the four domains become one program?

This is the composition root: the only place that knows everybody. Settings are
read here, objects are wired here, and the command line, the daemon and the
console are front ends over the same procedures.

A program that embeds the vault needs three names: ``make_home`` once, then
``open_vault`` or, with the register and the log, ``open_home``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinkui.embedding import OpenHome, make_home, open_home, open_vault

__version__ = "0.1.0"

__all__ = ["OpenHome", "__version__", "make_home", "open_home", "open_vault"]


def __getattr__(name: str) -> object:
    """Wire the whole house only for whoever asks for it: a small command starts fast."""
    if name in __all__:
        from jinkui import embedding  # noqa: PLC0415 - the point of this function

        return getattr(embedding, name)
    raise AttributeError(f"module 'jinkui' has no attribute {name!r}")
