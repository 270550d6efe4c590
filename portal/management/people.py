"""What the commands share: finding the person they act for, and writing text that came from elsewhere."""

from django.core.management.base import CommandError

from portal.accounts.models import User


def find_user(email: str) -> User:
    """Return the person with this e-mail address. Raises CommandError where none may sign in with it."""
    found = User.objects.filter(email__iexact=email.strip(), is_active=True).first()
    if found is None:
        raise CommandError(f"There is no active account for {printable(email)}. Check it for typing errors.")
    return found


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: names and passages may hold escape sequences."""
    return "".join(character if character.isprintable() else " " for character in text)
