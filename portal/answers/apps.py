from django.apps import AppConfig


class AnswersConfig(AppConfig):
    name = "portal.answers"
    label = "answers"
