"""The words, titles and headings of what is searched, to suggest them to who types."""

from django.db import migrations, models
from django.db.models import CASCADE

_WORD_KEY = """
ALTER TABLE retrieval_word
    DROP CONSTRAINT retrieval_word_pkey,
    ADD CONSTRAINT retrieval_word_pkey PRIMARY KEY (collection_id, version_id, key){}
"""
_OFTEN = "ALTER TABLE retrieval_{} SET (autovacuum_vacuum_insert_scale_factor = 0.02)"


def _key(to: str) -> models.ForeignKey:
    return models.ForeignKey(db_constraint=False, db_index=False, on_delete=CASCADE, related_name="+", to=to)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0014_authors_and_tags")]

    operations = [
        migrations.CreateModel(
            name="Word",
            fields=[
                ("pk", models.CompositePrimaryKey("collection_id", "version_id", "key", blank=True, editable=False, primary_key=True, serialize=False)),
                ("collection", _key("retrieval.collection")),
                ("version", _key("retrieval.documentversion")),
                ("key", models.CharField(db_collation="C", help_text="As it is looked up.", max_length=40)),
                ("text", models.CharField(blank=True, help_text="As it is shown; blank where that is the same.", max_length=40)),
            ],
        ),
        migrations.CreateModel(
            name="Phrase",
            fields=[
                ("pk", models.CompositePrimaryKey("collection_id", "version_id", "kind", "number", "place", blank=True, editable=False, primary_key=True, serialize=False)),
                ("collection", _key("retrieval.collection")),
                ("version", _key("retrieval.documentversion")),
                ("kind", models.PositiveSmallIntegerField(choices=[(1, "Title"), (2, "Heading")])),
                ("number", models.PositiveSmallIntegerField(help_text="Which heading of the version it is, from 0.")),
                ("key", models.CharField(db_collation="C", help_text="As it is looked up.", max_length=120)),
                ("place", models.PositiveSmallIntegerField(help_text="Which word of it the key begins with, from 0.")),
                ("text", models.CharField(help_text="All of it, as it is shown.", max_length=120)),
            ],
            options={
                "indexes": [models.Index(fields=["collection", "kind", "key", "version"], include=["place", "text"], name="phrase_beginning")],
            },
        ),
        # What is suggested comes from the indexes alone, as postings do.
        migrations.RunSQL(_WORD_KEY.format(" INCLUDE (text)"), _WORD_KEY.format("")),
        migrations.RunSQL(_OFTEN.format("word"), migrations.RunSQL.noop),
        migrations.RunSQL(_OFTEN.format("phrase"), migrations.RunSQL.noop),
    ]
