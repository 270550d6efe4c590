from django.apps import AppConfig


class LLMsConfig(AppConfig):
    name = "portal.llms"
    label = "llms"
