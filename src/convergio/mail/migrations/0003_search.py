from django.db import migrations

# Text past 200,000 characters is not indexed: a tsvector over 1 MB of lexemes raises, and would lose the mail.
# An address is one word to the text parser; its pieces are added, so that a name, a company or a domain finds it.
VECTOR = """
setweight(to_tsvector('simple', left(subject, 1000)), 'A')
|| setweight(to_tsvector('simple', left(from_name || ' ' || from_address || ' ' || to_address
     || translate(' ' || from_address || ' ' || to_address, '@.-_+', '     '), 2000)), 'B')
|| to_tsvector('simple', left(body_text, 200000))
"""


class Migration(migrations.Migration):
    dependencies = [("mail", "0002_row_security")]

    operations = [
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS btree_gin", migrations.RunSQL.noop),
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm", migrations.RunSQL.noop),
        migrations.RunSQL(
            f"ALTER TABLE emails ADD COLUMN search_vector tsvector GENERATED ALWAYS AS ({VECTOR}) STORED",
            "ALTER TABLE emails DROP COLUMN search_vector",
        ),
        migrations.RunSQL(
            "COMMENT ON COLUMN emails.search_vector IS 'Words of subject (A), people (B) and text'",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(
            "CREATE INDEX emails_search ON emails USING gin (workspace_id, search_vector)",
            "DROP INDEX emails_search",
        ),
    ]
