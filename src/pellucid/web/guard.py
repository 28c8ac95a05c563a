"""Who may ask the server what: checks of the headers of a request, and of the first message.

A page of another site can make a browser send requests to this machine. It cannot choose the
headers Host, Origin and Sec-Fetch-Site, and it does not know the token.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Sequence
from http import HTTPStatus

SOCKET = "/socket"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
}


def new_token() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def is_token(token: str, given: object) -> bool:
    """Whether `given` is the token, in a time that does not depend on it."""
    text = given if isinstance(given, str) and len(given) <= 200 else ""
    return hmac.compare_digest(token.encode(), text.encode("utf-8", "replace"))


def refusal(
    authority: str, path: str, headers: Callable[[str], Sequence[str]], files: Sequence[str]
) -> HTTPStatus | None:
    """Why a request is refused; None: it is not.

    Args:
        authority: "127.0.0.1:port", the one name that this server answers to.
        headers: all values of a header.
        files: the paths of the pages.
    """
    if list(headers("Host")) != [authority]:  # another name for this address: rebinding
        return HTTPStatus.MISDIRECTED_REQUEST
    origin, site = list(headers("Origin")), list(headers("Sec-Fetch-Site"))
    if origin not in ([], [f"http://{authority}"]):
        return HTTPStatus.FORBIDDEN
    if site not in ([], ["same-origin"], ["none"]):
        return HTTPStatus.FORBIDDEN
    if path == SOCKET:
        ours = origin and site != ["none"]  # a script of our own page alone opens it
        return None if ours else HTTPStatus.FORBIDDEN
    return None if path in files else HTTPStatus.NOT_FOUND
