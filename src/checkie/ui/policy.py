"""What a browser may load on a page, as Content-Security-Policy. Pure."""

from __future__ import annotations


def content_policy(
    *,
    scripts: tuple[str, ...] = (),
    frames: tuple[str, ...] = (),
    connections: tuple[str, ...] = (),
    forms: tuple[str, ...] = (),
) -> str:
    """The header's value: our own origin, and these other origins. Nothing inline.

    Browsers apply `form-action` to redirects too: `forms` names the origins that a posted form may redirect to.
    """
    return "; ".join(
        (
            "default-src 'none'",
            _allow("script-src", "'self'", *scripts),
            "style-src 'self'",
            "img-src 'self' https: data:",
            _allow("connect-src", "'self'", *connections),
            *([_allow("frame-src", *frames)] if frames else []),
            _allow("form-action", "'self'", *forms),
            "base-uri 'none'",
            "frame-ancestors 'self'",
        )
    )


def _allow(directive: str, *sources: str) -> str:
    return " ".join((directive, *dict.fromkeys(sources)))
