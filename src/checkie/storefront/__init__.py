"""Storefront: the buyer's page at /{store}/{page}, and the page of one session behind it.

Owns no tables and publishes nothing: it calls `checkout` and renders. Invariants: the page works without JavaScript and
keeps what was typed; no cookie before something is typed; no third party is called before the buyer turns to the form;
whoever lacks a session's client secret is told that there is no such page.
"""

from checkie.storefront.model import ProviderPage, ProviderPages

__all__ = ["ProviderPage", "ProviderPages"]
