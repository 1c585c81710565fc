"""What must not be read by others stays out of messages: tokens, passwords in addresses, secret paths of webhooks.

Notes: An address is shown as scheme and host only, because the path of a webhook is its secret. Tokens
come from the environment or a file, never from the command line, which every process of the machine can read.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from logllm.errors import LogllmError

TOKEN_VARIABLE = "LOGLLM_METRICS_TOKEN"
SECRET_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", TOKEN_VARIABLE)
LEAST_CHARACTERS = 16
_USER = re.compile(r"(?<=://)[^/\s@'\"]+@")
_HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}")
_AUTHORIZATION = re.compile(r"\b(Bearer|Basic) [A-Za-z0-9+/=._~-]{8,}")


def without_secrets(text: str) -> str:
    """A message without what the environment keeps secret, Hub tokens, and passwords in addresses.

    >>> without_secrets("cannot reach https://me:pass@host/x with hf_abcdefghijklmnopqrstuvwx")
    'cannot reach https://***@host/x with ***'
    """
    for name in SECRET_VARIABLES:
        value = os.environ.get(name, "").strip()
        if len(value) >= 8:
            text = text.replace(value, "***")
    text = _HUB_TOKEN.sub("***", _USER.sub("***@", text))
    return _AUTHORIZATION.sub(r"\1 ***", text)


def shown_address(address: str) -> str:
    """An address to write into a message.

    >>> shown_address("https://me:pass@hooks.example.com:8443/services/T0/B0/secret?key=1")
    'https://hooks.example.com:8443/...'
    """
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that is none"
    hidden = bool(parts.path.strip("/") or parts.query)
    return f"{parts.scheme}://{parts.hostname or ''}{port}/{'...' if hidden else ''}"


def split_credentials(address: str) -> tuple[str, str | None]:
    """(the address without user and password, the value of the header `Authorization` that says them, or None).

    Raises:
        LogllmError: the address has no host, or a port that is no number.
    """
    try:
        parts = urlsplit(address)
        if not parts.hostname or not (parts.port is None or parts.port > 0):
            raise ValueError("no host")
    except ValueError:
        raise LogllmError(
            "an address for alerts must be http(s)://HOST[:PORT]/PATH, found one without a host or with a port that is no "
            "number: correct it (a password with : / or @ in it is written with %3A, %2F, %40)"
        ) from None
    if parts.username is None:
        return address, None
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return plain, "Basic " + base64.b64encode(user.encode()).decode()


def read_token(file: Path | None = None) -> str | None:
    """The bearer token of the watcher's endpoints: of a file, else of `LOGLLM_METRICS_TOKEN`, else None.

    Raises:
        LogllmError: the file cannot be read, or the token is too short or not plain ASCII.
    """
    if file is not None:
        try:
            token = file.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise LogllmError(
                f"a token file must be readable ASCII text, found {file} is not ({type(error).__name__}): write one with "
                "`openssl rand -hex 32`"
            ) from error
    else:
        token = os.environ.get(TOKEN_VARIABLE, "").strip()
        if not token:
            return None
    if len(token) < LEAST_CHARACTERS or not token.isascii() or any(sign.isspace() for sign in token):
        raise LogllmError(
            f"a token must be at least {LEAST_CHARACTERS} ASCII characters without blanks, found {len(token)} characters: "
            "make one with `openssl rand -hex 32`"
        )
    return token


def allows(header: str, token: str | None) -> bool:
    """Whether the value of a header `Authorization` carries the token; compared in constant time."""
    if token is None:
        return True
    return hmac.compare_digest(header.encode("utf-8", "replace"), f"Bearer {token}".encode())
