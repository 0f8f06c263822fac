"""Who may ask: programs with the secret as a bearer token, browsers with a cookie that the secret has signed."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlsplit

COOKIE = "medley_session"
CSRF_HEADER = "x-csrf-token"
LASTS_S = 30 * 86400
#: Methods that change nothing.
SAFE = ("GET", "HEAD", "OPTIONS")


class Sessions:
    """Checks and makes what stands for the secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def is_secret(self, given: str) -> bool:
        """Says whether `given` is the secret, in constant time."""
        return hmac.compare_digest(given.encode(errors="replace"), self._secret)

    def new_cookie(self) -> str:
        """Makes the value of a cookie that is good for thirty days."""
        until = str(int(time.time()) + LASTS_S)
        return f"{until}.{self._signed('session', until)}"

    def is_cookie(self, value: str) -> bool:
        """Says whether a cookie is one of ours and still good."""
        until, _, signature = value.partition(".")
        good = hmac.compare_digest(signature.encode(errors="replace"), self._signed("session", until).encode())
        return good and until.isdecimal() and int(until) > time.time()

    def csrf_token(self, cookie: str) -> str:
        """Returns what a page has to send beside its cookie where it changes something."""
        return self._signed("csrf", cookie)

    def is_csrf_token(self, given: str, cookie: str) -> bool:
        """Says whether `given` belongs to the cookie."""
        return hmac.compare_digest(given.encode(errors="replace"), self.csrf_token(cookie).encode())

    def _signed(self, what: str, value: str) -> str:
        message = f"{what}\0{value}".encode(errors="replace")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()


def host_of(value: str) -> str:
    """Returns the name in a Host header or an Origin, without port, lower case; empty where there is none."""
    try:
        return (urlsplit(value if "://" in value else f"//{value}").hostname or "").lower()
    except ValueError:
        return ""
