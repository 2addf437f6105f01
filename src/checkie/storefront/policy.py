"""What a browser may load on the buyer's page, as Content-Security-Policy says it. Pure."""

from __future__ import annotations

from functools import lru_cache

from checkie.storefront.model import ProviderPage


@lru_cache(maxsize=64)
def policy(provider: ProviderPage | None) -> str:
    """The header's value: ourselves, and what the provider's card fields need. Nothing inline.

    Browsers apply `form-action` to redirects too, and paying without JavaScript leads on to the provider.
    """
    own = [provider.origin] if provider else []
    scripts = [*own, *(provider.script_origins if provider else ())]
    frames = [*own, *(provider.frame_origins if provider else ())]
    connects = [*own, *(provider.connect_origins if provider else ())]
    pages = (provider.page_origins if provider else ()) or own
    return "; ".join(
        (
            "default-src 'none'",
            _allow("script-src", "'self'", *scripts),
            "style-src 'self'",
            "img-src 'self' https: data:",
            _allow("connect-src", "'self'", *connects),
            *([_allow("frame-src", *frames)] if frames else []),
            _allow("form-action", "'self'", *pages),
            "base-uri 'none'",
            "frame-ancestors 'self'",
        )
    )


def _allow(directive: str, *sources: str) -> str:
    return " ".join((directive, *dict.fromkeys(sources)))
