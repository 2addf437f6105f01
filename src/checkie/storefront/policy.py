"""What a browser may load on the checkout page. Pure."""

from __future__ import annotations

from functools import lru_cache

from checkie import ui
from checkie.storefront.model import ProviderPage


@lru_cache(maxsize=64)
def checkout_policy(provider: ProviderPage) -> str:
    """The Content-Security-Policy of a page with this provider's card fields.

    Without JavaScript the form is posted and redirected to the provider's own page.
    """
    return ui.content_policy(
        scripts=(provider.origin, *provider.script_origins),
        frames=(provider.origin, *provider.frame_origins),
        connections=(provider.origin, *provider.connect_origins),
        forms=provider.page_origins or (provider.origin,),
    )
