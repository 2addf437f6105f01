"""Storefront: the checkout page at /{store}/{page}, the page of one session behind it, and receipts.

Owns no tables and publishes nothing: it calls `checkout` and renders with `ui`. Invariants: the page works without
JavaScript and keeps what was entered; no cookie before something is entered; no third party is called before the buyer
turns to the form; without a session's client secret its page does not exist; a receipt needs its signed link alone.
"""

from checkie.storefront.model import ProviderPage, ProviderPages

__all__ = ["ProviderPage", "ProviderPages"]
