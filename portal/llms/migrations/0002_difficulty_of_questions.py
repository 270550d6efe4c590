from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("llms", "0001_models_routes_prompts_quotas")]

    operations = [
        migrations.AddField(
            model_name="revision",
            name="judge",
            field=models.CharField(
                blank=True,
                help_text="Key of the model that says how hard a question is.",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="routingrule",
            name="difficulty",
            field=models.CharField(
                blank=True,
                choices=[("easy", "Easy questions"), ("hard", "Hard questions")],
                help_text="Empty: any.",
                max_length=4,
            ),
        ),
        migrations.AddConstraint(
            model_name="routingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("difficulty__in", ["", "easy", "hard"])), name="rule_difficulty_known"
            ),
        ),
    ]
