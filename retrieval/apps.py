from django.apps import AppConfig

from retrieval.statements import take_sent_arrays


class RetrievalConfig(AppConfig):
    name = "retrieval"
    label = "retrieval"

    def ready(self) -> None:
        take_sent_arrays()
