"""The page of a request that failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from checkie.ui.document import Document
from checkie.ui.languages import N_, Reader, translations
from checkie.ui.render import render


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong and what the reader can do, in English; and an icon of `ui/parts.html`."""

    title: str
    texts: tuple[str, ...]
    icon: str = "alert"


NOT_FOUND: Final = Problem(
    N_("Page not found"), (N_("The link may be incorrect, or the page may no longer be available."),), "search"
)
FAILED: Final = Problem(N_("Something went wrong"), (N_("Try again in a moment."),))
CROSS_SITE: Final = Problem(
    N_("This form could not be submitted"), (N_("It was sent from another website. Open the page and try again."),)
)


def problem_page(problem: Problem, reader: Reader, request_id: str | None = None) -> Document:
    """The page in the reader's language. A request id is shown where someone may ask for help."""
    gettext = translations(reader.language).gettext
    return render(
        "checkie.ui",
        "problem.html",
        reader,
        title=gettext(problem.title),
        texts=[gettext(text) for text in problem.texts],
        icon=problem.icon,
        request_id=request_id,
    )
