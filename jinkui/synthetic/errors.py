"""Why can the synthetic hospital not be made?"""

from __future__ import annotations

from shared_kernel.errors import BadInput


class SyntheticRefused(BadInput):
    """The generator cannot do what was asked; nothing was written."""

    code = "synthetic.refused"


class FakerMissing(SyntheticRefused):
    """The optional package that gives names and addresses is not installed."""

    code = "synthetic.faker_missing"
    default_hint = "install it with: pip install 'jinkui[demo]'"


class SizeRefused(SyntheticRefused):
    """A hospital of this size, or that many faults in it, cannot be made."""

    code = "synthetic.size"
    default_hint = (
        "ask for 10 to 1000000 patients, at least one visit, and fewer faults than visits"
    )
