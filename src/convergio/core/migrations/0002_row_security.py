from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        EnableRowSecurity(
            "stored_files",
            "activity",
            "app_settings",
        ),
    ]
