from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0005_generations")]
    operations = [
        migrations.AddConstraint(
            "generation",
            models.UniqueConstraint(
                condition=models.Q(("state", "retired")), fields=("state",), name="generation_one_is_kept"
            ),
        ),
        migrations.AddConstraint(
            "generation",
            models.CheckConstraint(
                condition=models.Q(("state__in", ["filling", "paused", "ready", "serving", "retired"])),
                name="generation_state_known",
            ),
        ),
        migrations.AddConstraint(
            "generation",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("base_url", ""), ("kind", "local")),
                    models.Q(("kind", "openai"), models.Q(("base_url", ""), _negated=True)),
                    _connector="OR",
                ),
                name="generation_knows_its_server",
            ),
        ),
    ]
