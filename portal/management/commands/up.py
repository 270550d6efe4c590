"""Start everything in one foreground process."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.stack.config import StackConfig


class Command(BaseCommand):
    help = "Start database, web, worker and beat in the foreground; Ctrl-C stops all of them."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        """Become the supervisor, which needs none of Django's memory."""
        config = StackConfig(
            python=sys.executable,
            base_dir=str(settings.BASE_DIR),
            var_dir=str(settings.VAR_DIR),
            host=settings.BIND_HOST,
            port=settings.PORT,
            base_url=settings.BASE_URL,
            admin_email=settings.ADMIN_EMAIL,
            socket_dir=str(settings.EMBEDDED_SOCKET_DIR) if settings.EMBEDDED_DATABASE else "",
            worker_concurrency=settings.WORKER_CONCURRENCY,
            log_level=settings.LOG_LEVEL,
        )
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, "-m", "portal.stack", config.dumped()])  # noqa: S606 - no shell
