from django.db import migrations

from convergio.core.tenancy import EnableRowSecurity


class Migration(migrations.Migration):
    dependencies = [("mail", "0001_initial")]

    operations = [
        EnableRowSecurity(
            "inboxes",
            "inbox_folders",
            "email_threads",
            "thread_inboxes",
            "thread_references",
            "emails",
            "email_deliveries",
            "auto_replies",
            "email_drafts",
        ),
    ]
