import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("answers", "0004_a_conversation_for_each_question")]

    operations = [
        migrations.AlterField(
            model_name="question",
            name="conversation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="questions",
                to="answers.conversation",
            ),
        ),
    ]
