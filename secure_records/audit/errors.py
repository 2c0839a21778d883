"""What can go wrong between a fact and its proof?"""

from __future__ import annotations

from secure_records.errors import SecureRecordsError
from shared_kernel.errors import BadInput, UpstreamFailed, VerificationFailed


class EntryRefused(SecureRecordsError, BadInput):
    """The fact cannot become a leaf: malformed, too large, or it names a patient."""

    code = "audit.entry_refused"
    default_hint = "name the patient in AuditFact.subject only, and keep the details small"


class SequenceTaken(SecureRecordsError, UpstreamFailed):
    """Another writer has put an entry at this index; nothing of ours was written."""

    code = "audit.sequence_taken"
    default_hint = "roll back and repeat the whole transaction"


class StoredLogDamaged(SecureRecordsError, VerificationFailed):
    """Rows that the tree needs are missing or have another shape."""

    code = "audit.stored_log_damaged"
    default_hint = "run `jinkui audit verify`, keep a copy of the file and open an incident"


class ProofInvalid(SecureRecordsError, VerificationFailed):
    """An inclusion or consistency proof does not hold."""

    code = "audit.proof_invalid"


class ProofUnavailable(SecureRecordsError, BadInput):
    """No proof exists for these numbers: the index or size lies outside the log."""

    code = "audit.proof_unavailable"
    default_hint = "use an index below the size, and sizes the log has reached"


class NoteMalformed(SecureRecordsError, BadInput):
    """The text is no C2SP signed note, checkpoint or verifier key."""

    code = "audit.note_malformed"
    default_hint = "copy the note byte for byte, with its final newline"


class NoteRefused(SecureRecordsError, VerificationFailed):
    """No trusted key vouches for this note, or a trusted key's line is false."""

    code = "audit.note_refused"


class CheckpointInconsistent(SecureRecordsError, VerificationFailed):
    """The log no longer contains what the last checkpoint promised; nothing was signed."""

    code = "audit.checkpoint_inconsistent"


class TrailQueryRefused(SecureRecordsError, BadInput):
    """The question cannot be asked in this form."""

    code = "audit.trail_query_refused"
    default_hint = "check the limit, the cursor and the filters"


class ReplayDiverges(SecureRecordsError, VerificationFailed):
    """The leaves do not add up to the checkpoint, or an index hides or invents entries."""

    code = "audit.replay_diverges"
