"""Secrets of sources and of embedding servers: kept encrypted, opened only when they are used, never shown.

The key comes from SECRET_KEY by HKDF (RFC 5869), so that a copy of the database alone opens nothing. After
SECRET_KEY was changed, the earlier one in SECRET_KEY_FALLBACKS still opens what it closed.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"cited: secrets of sources, 1"


class LostSecretError(Exception):
    """A secret was encrypted with a key that is not among the settings any more."""


def encrypt(secret: str) -> str:
    """Return a secret in the form in which it may be stored; an empty one stays empty."""
    return _keys().encrypt(secret.encode()).decode() if secret else ""


def decrypt(stored: str) -> str:
    """Return a stored secret. Raises LostSecretError."""
    try:
        return _keys().decrypt(stored.encode()).decode() if stored else ""
    except InvalidToken as error:
        raise LostSecretError from error


def renewed(stored: str) -> str:
    """Return a stored secret encrypted with the key of today. Raises LostSecretError."""
    return encrypt(decrypt(stored))


def _keys() -> MultiFernet:
    return MultiFernet([_key(one) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret_key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
