"""May this record be accepted, or does it cross a red line of Internet medicine?"""

from secure_records.admission.facts import Admission, AdmissionFacts
from secure_records.admission.red_lines import RedLine, admit, red_lines
from secure_records.admission.rules import staff_named

__all__ = ["Admission", "AdmissionFacts", "RedLine", "admit", "red_lines", "staff_named"]
