"""What can go wrong when a system is assessed, and which rule of ours says no?"""

from __future__ import annotations

from shared_kernel.errors import BadInput, JinkuiError, NotFound, Refused, VerificationFailed


class ClassificationError(JinkuiError):
    """Root of everything this room refuses."""

    code = "classification.error"


class DataFileRefused(ClassificationError, BadInput):
    """A data file of ours (catalogue, rules, grades) does not say what it must."""

    code = "classification.data_file"
    default_hint = "restore the data file of this release; the message names file and entry"


class FactsRefused(ClassificationError, BadInput):
    """The text is no facts document."""

    code = "facts.malformed"
    default_hint = "collect the facts again, or check that the file arrived whole"


class FactsTampered(ClassificationError, VerificationFailed):
    """Facts or report differ from what was fingerprinted or signed."""

    code = "facts.tampered"


class ResultsRefused(ClassificationError, BadInput):
    """The results handed in for a verdict are malformed or contradict each other."""

    code = "results.malformed"
    default_hint = "one object per item and assessed object, as the published schema shows"


class SettingRefused(ClassificationError, BadInput):
    """No such verdict setting, or no such value for it."""

    code = "setting.refused"
    default_hint = "list the settings with their values; names and values are case-sensitive"


class ReportRefused(ClassificationError, BadInput):
    """The text is no assessment report of this tool."""

    code = "report.malformed"
    default_hint = "hand over the JSON report; every other format is derived from it"


class OfficialEvaluationRefused(ClassificationError, BadInput):
    """The description of an official evaluation is incomplete or contradicts itself."""

    code = "official_evaluation.malformed"
    default_hint = "copy the values from the signed report of the licensed evaluation body"


class RunUnknown(ClassificationError, NotFound):
    """No such assessment run for this institution."""

    code = "assessment.unknown_run"


class RunImmutable(ClassificationError, Refused):
    """A stored run or official evaluation is evidence: it is never overwritten."""

    code = "assessment.immutable"
    default_hint = "make a new run; the old one stays as it was"
