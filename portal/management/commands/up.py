"""Start everything in one foreground process."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from portal.stack.config import StackConfig
from portal.stack.model_server import DEFAULT_PORT, DEFAULT_PYTHON, base_url


class Command(BaseCommand):
    help = "Start database, web, worker and beat in the foreground; Ctrl-C stops all of them."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--vllm", default="", metavar="MODEL", help="start vLLM with this model, and answer with it"
        )
        parser.add_argument("--vllm-python", default=DEFAULT_PYTHON, help="the Python that has vLLM")
        parser.add_argument("--vllm-port", type=int, default=DEFAULT_PORT)

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
            model=options["vllm"],
            model_python=options["vllm_python"],
            model_port=options["vllm_port"],
            model_context=settings.LLM_CONTEXT_TOKENS,
        )
        if config.model:
            os.environ |= {"LLM_BASE_URL": base_url(config.model_port), "LLM_MODEL": config.model}
        os.chdir(settings.BASE_DIR)
        os.execv(sys.executable, [sys.executable, "-m", "portal.stack", config.dumped()])  # noqa: S606 - no shell
