"""UI: what every page is made of: layout, parts, static files, forms, formats, languages, content policy, rendering.

Owns no tables and publishes nothing. Knows nothing of what it shows: pages pass plain values. A module with pages has
folders `templates`, `static` and `locales`; its static files and translations are found there, and its templates extend
`ui/layout.html` and import `ui/parts.html`. Invariants: a page loads from this origin alone unless its content policy
says more; nothing inline; no page is stored by a cache; every text is translated.
"""

from checkie.ui import formats, forms
from checkie.ui.assets import asset_path, permanent_path
from checkie.ui.document import Document
from checkie.ui.languages import N_, Reader, resolve_reader, translations
from checkie.ui.policy import content_policy
from checkie.ui.problems import Problem
from checkie.ui.render import render
from checkie.ui.respond import Endpoint, ErrorPages, respond

__all__ = [
    "N_",
    "Document",
    "Endpoint",
    "ErrorPages",
    "Problem",
    "Reader",
    "asset_path",
    "content_policy",
    "formats",
    "forms",
    "permanent_path",
    "render",
    "resolve_reader",
    "respond",
    "translations",
]
