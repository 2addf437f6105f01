"""What a browser may load on a page."""

from __future__ import annotations

from checkie.ui import content_policy


def test_a_page_loads_from_its_own_origin_alone() -> None:
    directives = dict(directive.split(" ", 1) for directive in content_policy().split("; "))
    assert directives["default-src"] == "'none'"
    assert {directives[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert "frame-src" not in directives


def test_nothing_inline_is_allowed() -> None:
    assert "unsafe" not in content_policy(scripts=("https://a.example",), frames=("https://a.example",))


def test_an_origin_is_named_once() -> None:
    policy = content_policy(scripts=("https://a.example", "https://b.example", "https://a.example"))
    assert "script-src 'self' https://a.example https://b.example;" in policy
