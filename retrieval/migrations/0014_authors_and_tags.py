"""Who wrote a document, and its tags."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [('retrieval', '0013_posting_blocks')]

    operations = [
        migrations.AddField(
            model_name='document',
            name='author',
            field=models.CharField(blank=True, help_text='“One; Other”, as it is shown.', max_length=900),
        ),
        migrations.AddField(
            model_name='document',
            name='author_is_set',
            field=models.BooleanField(default=False, help_text='By a manager: later files say nothing.'),
        ),
        migrations.AddField(
            model_name='document',
            name='author_key',
            field=models.CharField(blank=True, help_text='“| one | other |”, as it is compared.', max_length=900),
        ),
        migrations.AddField(
            model_name='document',
            name='tags',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, help_text='Sorted.', size=None),
        ),
        migrations.AddIndex(
            model_name='document',
            index=models.Index(condition=models.Q(('tags', []), _negated=True), fields=['collection'], name='document_tagged'),
        ),
        migrations.AddConstraint(
            model_name='document',
            constraint=models.CheckConstraint(condition=models.Q(('tags__len__lte', 20)), name='document_has_few_tags'),
        ),
    ]
