from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("work", "0001_initial")]

    operations = [
        EnableRowSecurity(
            "tasks",
        ),
    ]
