from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("ai", "0001_initial")]

    operations = [
        EnableRowSecurity(
            "knowledge_documents",
            "knowledge_passages",
        ),
    ]
