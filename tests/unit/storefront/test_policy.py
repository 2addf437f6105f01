"""What a browser may load on the checkout page."""

from __future__ import annotations

from checkie.storefront.model import ProviderPage
from checkie.storefront.policy import checkout_policy


def test_a_browser_loads_from_us_and_from_the_provider_alone() -> None:
    page = ProviderPage(
        "stripe",
        "https://js.stripe.com/v3/",
        "pk",
        script_origins=("https://*.js.stripe.com",),
        frame_origins=("https://hooks.stripe.com",),
        connect_origins=("https://api.stripe.com",),
        page_origins=("https://checkout.stripe.com",),
    )
    directives = dict(directive.split(" ", 1) for directive in checkout_policy(page).split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == "'self' https://js.stripe.com https://*.js.stripe.com"
    assert directives["frame-src"] == "https://js.stripe.com https://hooks.stripe.com"
    assert directives["connect-src"] == "'self' https://js.stripe.com https://api.stripe.com"
    assert directives["form-action"] == "'self' https://checkout.stripe.com"


def test_without_a_page_of_its_own_the_provider_takes_forms_where_its_script_is() -> None:
    page = ProviderPage("simulator", "http://127.0.0.1:8001/fields.js", "")
    assert "form-action 'self' http://127.0.0.1:8001;" in checkout_policy(page)
