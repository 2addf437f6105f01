"""What is sold, and the pages that sell it.

Owns schema `catalog`. Publishes nothing yet. Invariants: a page's prices are in order (0 < min <= price <= max)
and of one currency; a slug names one page of its store; only a published page is shown.
"""

from checkie.catalog.create import NewPage, create_page
from checkie.catalog.model import CONSTRAINTS, NoSuchPage, Page, PageSlugTaken, PageStatus, Pricing
from checkie.catalog.queries import get_page, get_published, list_by_ids

__all__ = [
    "CONSTRAINTS",
    "NewPage",
    "NoSuchPage",
    "Page",
    "PageSlugTaken",
    "PageStatus",
    "Pricing",
    "create_page",
    "get_page",
    "get_published",
    "list_by_ids",
]
