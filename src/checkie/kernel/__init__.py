"""What every module shares: money, ids, lifecycles, pages of lists, refusals, sealed secrets.

Pure: no I/O, no clock, and no import of our own modules. What needs the time takes it as an argument.
"""

from checkie.kernel.id import Id
from checkie.kernel.lifecycle import Lifecycle
from checkie.kernel.money import Money, exponent
from checkie.kernel.paging import CursorUnknown, Listing, Paging
from checkie.kernel.refusal import Conflict, Forbidden, Invalid, NotFound, Refusal, Unauthorized, refuses
from checkie.kernel.sealed import Keyring

__all__ = [
    "Conflict",
    "CursorUnknown",
    "Forbidden",
    "Id",
    "Invalid",
    "Keyring",
    "Lifecycle",
    "Listing",
    "Money",
    "NotFound",
    "Paging",
    "Refusal",
    "Unauthorized",
    "exponent",
    "refuses",
]
