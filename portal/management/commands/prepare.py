"""Bring the database to the state that this release needs; quick when it is there already."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from portal.accounts.models import User
from portal.accounts.services import make_sign_in_link
from portal.broker import make_broker_tables
from portal.database import PrepareError, grant_to_app, make_app_role, make_database, make_extension
from portal.first_start import fill
from portal.stack.up import LINK_MARK

_LOCK_KEY = 0x436974656421  # "Cited!": any number that no other program takes


class Command(BaseCommand):
    help = "Make database, role and extension where they are missing, migrate, grant, and fill a first start."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--link", action="store_true", help="print the first admin's sign-in link, if due"
        )

    def handle(self, *, link: bool, **options: Any) -> None:
        Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # WhiteNoise warns where it is missing
        try:
            make_database()
            with connections["owner"].cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_KEY])  # until this process ends
            make_extension()
            make_app_role()
            self._migrate()
            self._make_broker_tables()
            grant_to_app()
        except PrepareError as error:
            raise CommandError(str(error)) from error
        fill()
        if link:
            self._print_link()

    def _migrate(self) -> None:
        executor = MigrationExecutor(connections["owner"])
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            self.stdout.write(f"Applying {len(plan)} migrations.")
            call_command("migrate", database="owner", interactive=False, verbosity=0, skip_checks=True)

    def _make_broker_tables(self) -> None:
        """Make the broker's tables as the owner, so that workers need no right to."""
        if not settings.EMBEDDED_BROKER:
            return
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT to_regclass('kombu_message') IS NOT NULL")
            (exists,) = cursor.fetchone()
        if not exists:
            make_broker_tables(settings.DATABASE_OWNER_URL)

    def _print_link(self) -> None:
        admin = User.objects.filter(email__iexact=settings.ADMIN_EMAIL, is_active=True).first()
        if admin and (admin.last_login is None or not admin.has_usable_password()):
            self.stdout.write(LINK_MARK + make_sign_in_link(user=admin))
