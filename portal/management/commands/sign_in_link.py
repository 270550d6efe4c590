"""Print a link that signs one person in."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from portal.accounts.services import make_sign_in_link
from portal.management.people import find_user


class Command(BaseCommand):
    help = "Print a link that signs a person in once, within a day; their earlier links stop working."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "email", nargs="?", default=settings.ADMIN_EMAIL, help="who signs in (default: ADMIN_EMAIL)"
        )

    def handle(self, *, email: str, **options: Any) -> None:
        self.stdout.write(make_sign_in_link(user=find_user(email)))
