"""The search of messages as one function beside row-level security.

`@@` is not leakproof. Under a policy PostgreSQL would therefore apply the policy first and then compare every message of
the workspace, instead of asking the GIN index. The function runs as the tables' owner and reads the workspace from the
same setting as the policies do; it gives ids only, and whoever calls it joins them to `emails` under the policies again.
"""

from django.db import migrations

_ARGUMENTS = (
    "words text, senders text[], wanted_tag text, wanted_read boolean, wants_attachment boolean, since timestamptz, "
    "until timestamptz, wanted_direction text, wanted_status text, wanted_thread bigint, place_at timestamptz, "
    "place_id bigint, page integer"
)
_TYPES = "text, text[], text, boolean, boolean, timestamptz, timestamptz, text, text, bigint, timestamptz, bigint, integer"

# NULL filters vanish when the statement is planned: plans are made for the values at hand.
_FILTERS = """
        e.workspace_id = workspace
        AND (place_at IS NULL OR (e.received_at, e.id) < (place_at, place_id))
        AND (since IS NULL OR e.received_at >= since)
        AND (until IS NULL OR e.received_at < until)
        AND (wanted_read IS NULL OR e.is_read = wanted_read)
        AND (unread_threads IS NULL OR e.thread_id = ANY (unread_threads))
        AND (wants_attachment IS NULL OR (e.attachments @@ '$[*].inline == false') = wants_attachment)
        AND (wanted_direction = '' OR e.direction = wanted_direction)
        AND (wanted_thread IS NULL OR e.thread_id = wanted_thread)
        AND (inboxes IS NULL OR EXISTS (
          SELECT FROM public.email_deliveries AS d WHERE d.email_id = e.id AND d.inbox_id = ANY (inboxes)))
        AND (wanted_status = '' OR EXISTS (
          SELECT FROM public.email_threads AS t WHERE t.id = e.thread_id AND t.status = wanted_status))
        AND (cardinality(senders) = 0 OR (
          SELECT bool_and(strpos(lower(e.from_name || ' ' || e.from_address), sender) > 0)
          FROM unnest(senders) AS sender))
"""

# Rare words: the index finds every message that has them, and these are put in order. Common words: the newest messages
# are read in order until the page is full, which is soon. MOST_RARE is where the first gets slower than the second.
_MOST_RARE = 1_000
# Unread mail is in conversations with unread mail; up to so many of them are named, which makes both ways short.
_FEW_THREADS = 200
_FUNCTION = f"""
CREATE FUNCTION convergio_search_emails({_ARGUMENTS})
RETURNS TABLE (id bigint, received_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  workspace bigint := NULLIF(current_setting('convergio.workspace_id', true), '')::bigint;
  query tsquery := to_tsquery('pg_catalog.simple', words);
  inboxes bigint[];
  unread_threads bigint[];
  ids bigint[];
  times timestamptz[];
BEGIN
  IF workspace IS NULL THEN
    RETURN;
  END IF;
  IF wanted_tag <> '' THEN
    inboxes := ARRAY(SELECT i.id FROM public.inboxes AS i
                     WHERE i.workspace_id = workspace AND lower(i.tag) = lower(wanted_tag));
  END IF;
  IF wanted_read = false THEN
    unread_threads := ARRAY(SELECT t.id FROM public.email_threads AS t
                            WHERE t.workspace_id = workspace AND t.unread_count > 0 LIMIT {_FEW_THREADS + 1});
    unread_threads := CASE WHEN cardinality(unread_threads) <= {_FEW_THREADS} THEN unread_threads END;
  END IF;
  IF words = '' THEN
    RETURN QUERY
      SELECT e.id, e.received_at FROM public.emails AS e WHERE {_FILTERS}
      ORDER BY e.received_at DESC, e.id DESC LIMIT page;
    RETURN;
  END IF;
  SELECT array_agg(found.id), array_agg(found.received_at) INTO ids, times FROM (
    SELECT e.id, e.received_at FROM public.emails AS e WHERE e.search_vector @@ query AND {_FILTERS}
    LIMIT {_MOST_RARE + 1}) AS found;
  IF COALESCE(cardinality(ids), 0) <= {_MOST_RARE} THEN
    RETURN QUERY
      SELECT found.id, found.at FROM unnest(ids, times) AS found(id, at)
      ORDER BY found.at DESC, found.id DESC LIMIT page;
    RETURN;
  END IF;
  -- OFFSET 0 keeps the two levels apart: the inner one walks in order, the outer one compares until it has enough.
  RETURN QUERY
    SELECT walked.id, walked.received_at FROM (
      SELECT e.id, e.received_at, e.search_vector FROM public.emails AS e WHERE {_FILTERS}
      ORDER BY e.received_at DESC, e.id DESC OFFSET 0) AS walked
    WHERE walked.search_vector @@ query LIMIT page;
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("mail", "0004_list_indexes")]

    operations = [
        migrations.RunSQL(_FUNCTION, f"DROP FUNCTION convergio_search_emails({_TYPES})"),
        # Roles get it with the other routines of the schema; nobody else.
        migrations.RunSQL(
            f"REVOKE EXECUTE ON FUNCTION convergio_search_emails({_TYPES}) FROM PUBLIC", migrations.RunSQL.noop
        ),
        migrations.RunSQL(
            "COMMENT ON FUNCTION convergio_search_emails IS "
            "'Messages of the scope''s workspace that match, newest first; beside row-level security, for the index'",
            migrations.RunSQL.noop,
        ),
    ]
