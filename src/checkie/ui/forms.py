"""Forms as browsers post them: read within limits, refused from other sites, and what is wrong with a field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from checkie import web
from checkie.kernel import Forbidden, Invalid
from checkie.ui.languages import Reader, translations

MAX_BYTES: Final = 16_384
MAX_FIELDS: Final = 100
MAX_VALUE: Final = 4_096


class CrossSiteForm(Forbidden):
    """The form was submitted from another website. Open the page and submit it there."""

    code = "form_cross_site"


async def read(request: Request, max_bytes: int = MAX_BYTES) -> dict[str, str]:
    """The fields of an urlencoded body. Refuses a larger one (BodyTooLarge)."""
    return parse(await web.read_body(request, max_bytes))


def parse(body: bytes) -> dict[str, str]:
    """The fields of an urlencoded body, cut to length and without NUL; the last value where a name repeats.

    A malformed body, or one with too many fields, has none.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        return {}
    return {name: value.replace("\x00", "")[:MAX_VALUE] for name, value in pairs}


def check_same_site(request: Request, public_url: str) -> None:
    """Refuses a form that another site submits (CrossSiteForm)."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = {urlsplit(public_url).netloc, request.headers.get("host")}
    if (origin and urlsplit(origin).netloc not in ours) or site not in (None, "same-origin", "none"):
        raise CrossSiteForm


def field_errors(refusal: Invalid, texts: Mapping[str, str], reader: Reader, *, default: str) -> dict[str, str]:
    """The error to show beside the field that a refusal names, or beside `default` if it names none.

    The error is the text for the refusal's code, translated, or else the refusal's own.
    """
    text = texts.get(refusal.code, refusal.detail)
    return {refusal.param or default: translations(reader.language).gettext(text)}
