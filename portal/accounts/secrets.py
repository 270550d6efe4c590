"""Secrets that are handed out once and stored only as their SHA-256."""

import hashlib
import secrets

TOKEN_PREFIX = "cited_"  # noqa: S105 - the visible beginning of every API token


def new_secret(prefix: str = "") -> str:
    """Return a fresh secret with 256 bits of randomness, safe in a URL."""
    return prefix + secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return what is stored: unsalted SHA-256, enough for a value that cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()
