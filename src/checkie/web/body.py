"""Read a request's body, up to a limit."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from checkie.kernel import Refusal

MAX_BODY_BYTES: Final = 262_144


class BodyTooLarge(Refusal):
    """The body is larger than 256 KiB. Send a smaller one."""

    code, status, title = "body_too_large", 413, "Body too large"


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The raw body. Refuses one of more than `limit` bytes (BodyTooLarge)."""
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > limit:
            raise BodyTooLarge
    return bytes(chunks)
