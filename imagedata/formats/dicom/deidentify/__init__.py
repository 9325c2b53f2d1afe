"""De-identification of DICOM headers, after PS3.15 Annex E.

`deidentified` makes a dataset of a dataset; a `Plan` says how, with the options of the standard, the
rules of the user, and the maps of UIDs and dates that datasets of one patient must share.
"""

from __future__ import annotations

from .dataset import Account, deidentified
from .findings import findings
from .plan import Plan, UserRule
from .profile import Options
from .quiet import quietly
from .records import DeidentifiedRecords

__all__ = [
    'Account', 'DeidentifiedRecords', 'Options', 'Plan', 'UserRule', 'deidentified', 'findings', 'quietly',
]  # fmt: skip
