from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ai", "0002_row_security")]

    operations = [
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm", migrations.RunSQL.noop),
        migrations.RunSQL(
            "ALTER TABLE knowledge_passages ADD COLUMN search_vector tsvector GENERATED ALWAYS AS ("
            "setweight(to_tsvector('english', heading), 'A') || to_tsvector('english', left(text, 200000))) STORED",
            "ALTER TABLE knowledge_passages DROP COLUMN search_vector",
        ),
        migrations.RunSQL(
            "CREATE INDEX knowledge_passages_search ON knowledge_passages USING gin (search_vector)",
            "DROP INDEX knowledge_passages_search",
        ),
    ]
