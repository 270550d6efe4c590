# ruff: noqa: ANN401 - the models of the past have no types
"""What was published before there were suggestions is suggested too: about a minute for 100,000 passages."""

from dataclasses import asdict
from typing import Any

from django.db import migrations

from retrieval.vocabulary import phrases_of, words_of


def fill(apps: Any, schema_editor: Any) -> None:
    using = schema_editor.connection.alias
    documents = apps.get_model("retrieval", "Document").objects.using(using)
    served = documents.filter(current_version__isnull=False).select_related("collection").order_by("pk")
    for document in served.iterator(chunk_size=200):
        _fill_one(apps, using, document)


def _fill_one(apps: Any, using: str, document: Any) -> None:
    names = ("Chunk", "DocumentText", "Word", "Phrase")
    chunk, stored, word, phrase = (apps.get_model("retrieval", name) for name in names)
    key = {"collection_id": document.collection_id, "version_id": document.current_version_id}
    chunks = chunk.objects.using(using).filter(**key).order_by("ordinal")
    words = words_of(chunks.values_list("text", flat=True), document.collection.language)
    word.objects.using(using).bulk_create(
        [word(**key, key=one, text=text if text != one else "") for one, text in words], batch_size=2_000
    )
    whole = stored.objects.using(using).filter(version=document.current_version_id).first()
    text, blocks = (whole.text, whole.blocks) if whole is not None else ("", [])
    phrase.objects.using(using).bulk_create(
        [phrase(**key, **asdict(one)) for one in phrases_of(document.title, text, blocks)], batch_size=2_000
    )


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0015_words_and_phrases")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
