from importlib import import_module

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    label = "portal"

    def ready(self) -> None:
        """Make the Celery application current, so that every task of this process goes to its broker."""
        import_module("portal.celery")
