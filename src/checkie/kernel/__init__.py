"""The words every module shares: money, ids, periods, lifecycles, parts of lists, refusals, sealed secrets.

Pure: no I/O, no clock, and nothing of ours is imported from here. What needs the time gets it as an argument.
"""

from checkie.kernel.cache import Cache
from checkie.kernel.id import Id
from checkie.kernel.lifecycle import Lifecycle
from checkie.kernel.money import LARGEST_MINOR, Money, exponent, from_decimal
from checkie.kernel.paging import CursorUnknown, Listing, Paging
from checkie.kernel.period import Period
from checkie.kernel.refusal import Conflict, Forbidden, Invalid, NotFound, Refusal, Unauthorized, refuses
from checkie.kernel.sealed import Keyring

__all__ = [
    "LARGEST_MINOR",
    "Cache",
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
    "Period",
    "Refusal",
    "Unauthorized",
    "exponent",
    "from_decimal",
    "refuses",
]
