-- Written by `make schema` from the migrations; see the comments on tables and columns.

CREATE SCHEMA convergio_reach;

COMMENT ON SCHEMA convergio_reach IS 'What an API key that is limited to inboxes sees: tables of mail, in part';

CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;

COMMENT ON EXTENSION btree_gin IS 'support for indexing common datatypes in GIN';

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

CREATE FUNCTION public.convergio_keep_activity() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.user_id IS NULL
        AND (to_jsonb(NEW) - 'user_id') = (to_jsonb(OLD) - 'user_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'activity is append-only' USING ERRCODE = 'restrict_violation';
END $$;

COMMENT ON FUNCTION public.convergio_keep_activity() IS 'Refuses to change or remove what was written down';

CREATE FUNCTION public.convergio_keep_credit_note() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'an issued credit note is frozen' USING ERRCODE = 'restrict_violation';
END $$;

COMMENT ON FUNCTION public.convergio_keep_credit_note() IS 'Refuses to change or remove a credit note';

CREATE FUNCTION public.convergio_keep_invoice() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    noted CONSTANT text[] := ARRAY['status', 'paid_at', 'gateway', 'gateway_id', 'credited', 'mailed_at'];
    is_payment CONSTANT boolean := TG_OP = 'UPDATE' AND OLD.status = 'issued' AND NEW.status = 'paid';
BEGIN
    IF TG_OP = 'DELETE' OR (to_jsonb(NEW) - noted) IS DISTINCT FROM (to_jsonb(OLD) - noted) THEN
        RAISE EXCEPTION 'an issued invoice is frozen' USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status
        AND (OLD.status, NEW.status) NOT IN (('issued', 'paid'), ('issued', 'void'), ('paid', 'refunded'))
        OR is_payment AND NEW.paid_at IS NULL
        OR NOT is_payment AND (NEW.paid_at, NEW.gateway, NEW.gateway_id)
            IS DISTINCT FROM (OLD.paid_at, OLD.gateway, OLD.gateway_id)
        OR NEW.credited <> OLD.credited AND (OLD.status <> 'paid' OR NEW.credited < OLD.credited) THEN
        RAISE EXCEPTION 'an invoice goes from issued to paid or void, and from paid to refunded'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION public.convergio_keep_invoice() IS 'Refuses to change an issued invoice, save what is noted of its payment';

CREATE FUNCTION public.convergio_keep_ledger() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.member_id IS NULL
        AND (to_jsonb(NEW) - 'member_id') = (to_jsonb(OLD) - 'member_id') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the token ledger is append-only' USING ERRCODE = 'restrict_violation';
END $$;

COMMENT ON FUNCTION public.convergio_keep_ledger() IS 'Refuses to change or remove a movement of tokens';

CREATE FUNCTION public.convergio_keep_plan_version() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND
        (NEW.name, NEW.price, NEW.currency, NEW.monthly_tokens, NEW.monthly_emails, NEW.monthly_ai_replies, NEW.trial_days)
        IS NOT DISTINCT FROM
        (OLD.name, OLD.price, OLD.currency, OLD.monthly_tokens, OLD.monthly_emails, OLD.monthly_ai_replies, OLD.trial_days)
    THEN
        RETURN NEW;
    END IF;
    INSERT INTO subscription_plan_versions (plan_id, number, name, price, currency, monthly_tokens, monthly_emails,
        monthly_ai_replies, trial_days)
    SELECT NEW.id, COALESCE(max(number), 0) + 1, NEW.name, NEW.price, NEW.currency, NEW.monthly_tokens,
        NEW.monthly_emails, NEW.monthly_ai_replies, NEW.trial_days
    FROM subscription_plan_versions WHERE plan_id = NEW.id;
    RETURN NEW;
END $$;

COMMENT ON FUNCTION public.convergio_keep_plan_version() IS 'Writes a version of the plan when something of it changes';

CREATE FUNCTION public.convergio_keep_subscriptions() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

COMMENT ON FUNCTION public.convergio_keep_subscriptions() IS 'Refuses to change or remove a row';

CREATE FUNCTION public.convergio_open_api_key(digest bytea) RETURNS TABLE(id bigint, workspace_id bigint, user_id bigint, role text, email text, name text, timezone text, stale boolean, fresh boolean, second_factor boolean, limited boolean, scopes text, inboxes text)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
DECLARE
    entry record;
BEGIN
    SELECT k.id, k.workspace_id, k.user_id, m.role, u.email, u.name, u.timezone,
           coalesce(k.last_used_at < statement_timestamp() - interval '1 minute', true) AS stale,
           false AS fresh, false AS second_factor,
           w.require_two_factor
             AND NOT EXISTS (SELECT FROM user_2fa t WHERE t.user_id = u.id AND t.enabled_at IS NOT NULL)
             AND NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = u.id) AS limited,
           (SELECT string_agg(scope, ' ') FROM jsonb_array_elements_text(k.scopes) AS scope) AS scopes,
           (SELECT string_agg(inbox, ' ') FROM jsonb_array_elements_text(k.inbox_ids) AS inbox) AS inboxes
    INTO entry
    FROM api_keys k
    JOIN users u ON u.id = k.user_id AND u.is_active
    JOIN workspaces w ON w.id = k.workspace_id
    JOIN workspace_members m ON m.workspace_id = k.workspace_id AND m.user_id = k.user_id
    WHERE k.key_hash = digest AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > statement_timestamp());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('convergio.workspace_id', entry.workspace_id::text, true);
    RETURN QUERY SELECT entry.id, entry.workspace_id, entry.user_id, entry.role::text, entry.email::text,
                        entry.name::text, entry.timezone::text, entry.stale, entry.fresh, entry.second_factor,
                        entry.limited, entry.scopes, entry.inboxes;
END $$;

COMMENT ON FUNCTION public.convergio_open_api_key(digest bytea) IS 'Finds the living API key of a digest and opens its workspace for the transaction';

CREATE FUNCTION public.convergio_open_session(digest bytea, wanted text) RETURNS TABLE(id bigint, workspace_id bigint, user_id bigint, role text, email text, name text, timezone text, stale boolean, fresh boolean, second_factor boolean, limited boolean, scopes text, inboxes text)
    LANGUAGE plpgsql
    AS $$
#variable_conflict use_column
DECLARE
    entry record;
BEGIN
    SELECT s.id, s.workspace_id, s.user_id, m.role, u.email, u.name, u.timezone,
           s.last_seen_at < statement_timestamp() - interval '1 minute' AS stale,
           s.authenticated_at > statement_timestamp() - interval '10 minutes' AS fresh,
           s.second_factor, w.require_two_factor AND NOT s.second_factor AS limited,
           NULL::text AS scopes, NULL::text AS inboxes
    INTO entry
    FROM user_sessions s
    JOIN users u ON u.id = s.user_id AND u.is_active
    JOIN workspaces w ON w.id = s.workspace_id
    JOIN workspace_members m ON m.workspace_id = s.workspace_id AND m.user_id = s.user_id
    WHERE s.token_hash = digest AND s.kind = wanted AND s.revoked_at IS NULL
      AND s.token_expires_at > statement_timestamp() AND s.expires_at > statement_timestamp()
      AND (s.idle_expires_at IS NULL OR s.idle_expires_at > statement_timestamp());
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('convergio.workspace_id', entry.workspace_id::text, true);
    RETURN QUERY SELECT entry.id, entry.workspace_id, entry.user_id, entry.role::text, entry.email::text,
                        entry.name::text, entry.timezone::text, entry.stale, entry.fresh, entry.second_factor,
                        entry.limited, entry.scopes, entry.inboxes;
END $$;

COMMENT ON FUNCTION public.convergio_open_session(digest bytea, wanted text) IS 'Finds the living session of a token and opens its workspace for the transaction';

CREATE FUNCTION public.convergio_search_emails(words text, senders text[], wanted_tag text, wanted_read boolean, wants_attachment boolean, since timestamp with time zone, until timestamp with time zone, wanted_direction text, wanted_status text, wanted_thread bigint, place_at timestamp with time zone, place_id bigint, page integer) RETURNS TABLE(id bigint, received_at timestamp with time zone)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_custom_plan'
    SET enable_seqscan TO 'off'
    AS $_$
#variable_conflict use_column
DECLARE
  workspace bigint := NULLIF(current_setting('convergio.workspace_id', true), '')::bigint;
  query tsquery := to_tsquery('pg_catalog.simple', words);
  inboxes bigint[];
  reach bigint[] := NULLIF(current_setting('convergio.inbox_ids', true), '')::bigint[];
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
  IF reach IS NOT NULL THEN
    inboxes := CASE WHEN wanted_tag = '' THEN reach
                    ELSE ARRAY(SELECT unnest(inboxes) INTERSECT SELECT unnest(reach)) END;
  END IF;
  IF wanted_read = false THEN
    unread_threads := ARRAY(SELECT t.id FROM public.email_threads AS t
                            WHERE t.workspace_id = workspace AND t.unread_count > 0 LIMIT 201);
    unread_threads := CASE WHEN cardinality(unread_threads) <= 200 THEN unread_threads END;
  END IF;
  IF words = '' THEN
    RETURN QUERY
      SELECT e.id, e.received_at FROM public.emails AS e WHERE 
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

      ORDER BY e.received_at DESC, e.id DESC LIMIT page;
    RETURN;
  END IF;
  SELECT array_agg(found.id), array_agg(found.received_at) INTO ids, times FROM (
    SELECT e.id, e.received_at FROM public.emails AS e WHERE e.search_vector @@ query AND 
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

    LIMIT 1001) AS found;
  IF COALESCE(cardinality(ids), 0) <= 1000 THEN
    RETURN QUERY
      SELECT found.id, found.at FROM unnest(ids, times) AS found(id, at)
      ORDER BY found.at DESC, found.id DESC LIMIT page;
    RETURN;
  END IF;
  -- OFFSET 0 keeps the two levels apart: the inner one walks in order, the outer one compares until it has enough.
  RETURN QUERY
    SELECT walked.id, walked.received_at FROM (
      SELECT e.id, e.received_at, e.search_vector FROM public.emails AS e WHERE 
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

      ORDER BY e.received_at DESC, e.id DESC OFFSET 0) AS walked
    WHERE walked.search_vector @@ query LIMIT page;
END $_$;

COMMENT ON FUNCTION public.convergio_search_emails(words text, senders text[], wanted_tag text, wanted_read boolean, wants_attachment boolean, since timestamp with time zone, until timestamp with time zone, wanted_direction text, wanted_status text, wanted_thread bigint, place_at timestamp with time zone, place_id bigint, page integer) IS 'Messages of the scope''s workspace that match, newest first; beside row-level security, for the index';

CREATE TABLE public.activity (
    id bigint NOT NULL,
    action character varying(100) NOT NULL,
    subject character varying(100) DEFAULT ''::character varying NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint,
    workspace_id bigint NOT NULL,
    api_key_id bigint,
    ip inet
);

ALTER TABLE ONLY public.activity FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.activity.action IS 'Like member.removed; stable';

COMMENT ON COLUMN public.activity.subject IS 'Table and id it was done to';

COMMENT ON COLUMN public.activity.facts IS 'What a reader needs to know of it; never secrets or texts of mail';

COMMENT ON COLUMN public.activity.created_at IS 'When the row was made';

COMMENT ON COLUMN public.activity.workspace_id IS 'Owning workspace';

COMMENT ON COLUMN public.activity.api_key_id IS 'The key that did it for its maker, if one did';

CREATE VIEW convergio_reach.activity WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    action,
    subject,
    facts,
    created_at,
    user_id,
    workspace_id,
    api_key_id,
    ip
   FROM public.activity t
  WHERE false;

CREATE VIEW convergio_reach.auto_replies WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    reply_text,
    reply_html,
    ai_model,
    status,
    citations,
    confidence,
    handover_reason,
    input_tokens,
    output_tokens,
    cost,
    sent_at,
    reviewed_at,
    created_at,
    updated_at,
    reviewed_by_id,
    workspace_id,
    email_id,
    sent_email_id,
    thread_id,
    inbox_id,
    stopped_by,
    usage_id
   FROM public.auto_replies t
  WHERE (inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]));

CREATE TABLE public.email_deliveries (
    id bigint NOT NULL,
    uid bigint,
    is_seen boolean DEFAULT false NOT NULL,
    seen_wanted boolean,
    is_junk boolean DEFAULT false NOT NULL,
    received_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    email_id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    inbox_id bigint NOT NULL,
    folder_id bigint
);

ALTER TABLE ONLY public.email_deliveries FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.email_deliveries.uid IS 'IMAP UID in that folder; NULL after UIDVALIDITY changed';

COMMENT ON COLUMN public.email_deliveries.is_seen IS 'The server''s \Seen as last known';

COMMENT ON COLUMN public.email_deliveries.seen_wanted IS 'What a person decided and the server does not know yet';

COMMENT ON COLUMN public.email_deliveries.received_at IS 'Same as the message''s, for the inbox''s list';

COMMENT ON COLUMN public.email_deliveries.created_at IS 'When the row was made';

COMMENT ON COLUMN public.email_deliveries.workspace_id IS 'Owning workspace';

CREATE VIEW convergio_reach.email_deliveries WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    uid,
    is_seen,
    seen_wanted,
    is_junk,
    received_at,
    created_at,
    email_id,
    workspace_id,
    inbox_id,
    folder_id
   FROM public.email_deliveries t
  WHERE (inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]));

CREATE TABLE public.email_drafts (
    id bigint NOT NULL,
    recipients jsonb DEFAULT '{}'::jsonb NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    body_html text DEFAULT ''::text NOT NULL,
    attachments jsonb DEFAULT '[]'::jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    thread_id bigint,
    inbox_id bigint
);

ALTER TABLE ONLY public.email_drafts FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.email_drafts.updated_at IS 'When the row last changed';

COMMENT ON COLUMN public.email_drafts.workspace_id IS 'Owning workspace';

CREATE VIEW convergio_reach.email_drafts WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    recipients,
    subject,
    body_html,
    attachments,
    updated_at,
    user_id,
    workspace_id,
    thread_id,
    inbox_id
   FROM public.email_drafts t
  WHERE (inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]));

CREATE TABLE public.email_threads (
    id bigint NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    status character varying(10) DEFAULT 'open'::character varying NOT NULL,
    participants character varying(255)[] DEFAULT '{}'::character varying[] NOT NULL,
    is_open_list boolean DEFAULT false NOT NULL,
    last_email_id bigint,
    last_message_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    message_count integer DEFAULT 0 NOT NULL,
    unread_count integer DEFAULT 0 NOT NULL,
    has_attachments boolean DEFAULT false NOT NULL,
    sender_name character varying(255) DEFAULT ''::character varying NOT NULL,
    sender_address character varying(255) DEFAULT ''::character varying NOT NULL,
    snippet character varying(255) DEFAULT ''::character varying NOT NULL,
    subject_changed boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.email_threads FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.email_threads.subject IS 'Of the first message';

COMMENT ON COLUMN public.email_threads.status IS 'open | done';

COMMENT ON COLUMN public.email_threads.participants IS 'Lower case, ours left out';

COMMENT ON COLUMN public.email_threads.is_open_list IS 'Its audience is not in the headers (a list, or undisclosed recipients)';

COMMENT ON COLUMN public.email_threads.sender_name IS 'Of the newest inbound message';

COMMENT ON COLUMN public.email_threads.subject_changed IS 'A reply changed the base subject (rule 27)';

COMMENT ON COLUMN public.email_threads.created_at IS 'When the row was made';

COMMENT ON COLUMN public.email_threads.workspace_id IS 'Owning workspace';

CREATE TABLE public.thread_inboxes (
    id bigint NOT NULL,
    last_message_at timestamp with time zone NOT NULL,
    unread_count integer DEFAULT 0 NOT NULL,
    inbox_id bigint NOT NULL,
    thread_id bigint NOT NULL,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.thread_inboxes FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.thread_inboxes.workspace_id IS 'Owning workspace';

CREATE VIEW convergio_reach.email_threads WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    COALESCE(( SELECT e.subject
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))))
          ORDER BY e.received_at, e.id
         LIMIT 1), ''::text) AS subject,
    status,
    (COALESCE(( SELECT array_agg(DISTINCT e.from_address) AS array_agg
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))))), '{}'::character varying[]))::character varying(255)[] AS participants,
    is_open_list,
    ( SELECT e.id
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))))
          ORDER BY e.received_at DESC, e.id DESC
         LIMIT 1) AS last_email_id,
    COALESCE(( SELECT max(e.received_at) AS max
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))))), created_at) AS last_message_at,
    (( SELECT count(*) AS count
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))) AND ((e.delivery_state)::text IS DISTINCT FROM 'cancelled'::text))))::integer AS message_count,
    (( SELECT count(*) AS count
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))) AND (NOT e.is_read))))::integer AS unread_count,
    (EXISTS ( SELECT
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))) AND (e.attachments @@ '($[*]."inline" == false)'::jsonpath)))) AS has_attachments,
    (COALESCE(( SELECT e.from_name
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))) AND ((e.direction)::text = 'inbound'::text))
          ORDER BY e.received_at DESC, e.id DESC
         LIMIT 1), ''::character varying))::character varying(255) AS sender_name,
    (COALESCE(( SELECT e.from_address
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))) AND ((e.direction)::text = 'inbound'::text))
          ORDER BY e.received_at DESC, e.id DESC
         LIMIT 1), ''::character varying))::character varying(255) AS sender_address,
    (COALESCE(( SELECT e.snippet
           FROM public.emails e
          WHERE ((e.thread_id = t.id) AND (EXISTS ( SELECT
                   FROM public.email_deliveries d
                  WHERE ((d.email_id = e.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]))))))
          ORDER BY e.received_at DESC, e.id DESC
         LIMIT 1), ''::character varying))::character varying(255) AS snippet,
    subject_changed,
    created_at,
    workspace_id
   FROM public.email_threads t
  WHERE (EXISTS ( SELECT
           FROM public.thread_inboxes p
          WHERE ((p.thread_id = t.id) AND (p.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[])))));

CREATE TABLE public.inboxes (
    id bigint NOT NULL,
    name character varying(100) NOT NULL,
    email_address character varying(255) NOT NULL,
    tag character varying(50) NOT NULL,
    colour character varying(20) DEFAULT 'blue'::character varying NOT NULL,
    kind character varying(10) NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    reply_mode character varying(10) DEFAULT 'off'::character varying NOT NULL,
    imap_host character varying(255) DEFAULT ''::character varying NOT NULL,
    imap_port integer DEFAULT 993 NOT NULL,
    imap_security character varying(10) DEFAULT 'tls'::character varying NOT NULL,
    imap_username character varying(255) DEFAULT ''::character varying NOT NULL,
    smtp_host character varying(255) DEFAULT ''::character varying NOT NULL,
    smtp_port integer DEFAULT 465 NOT NULL,
    smtp_security character varying(10) DEFAULT 'tls'::character varying NOT NULL,
    smtp_username character varying(255) DEFAULT ''::character varying NOT NULL,
    secrets_encrypted bytea,
    oauth jsonb,
    maildir_path character varying(1000) DEFAULT ''::character varying NOT NULL,
    outbox_path character varying(1000) DEFAULT ''::character varying NOT NULL,
    signature text DEFAULT ''::text NOT NULL,
    state character varying(20) DEFAULT 'new'::character varying NOT NULL,
    last_error text DEFAULT ''::text NOT NULL,
    last_polled_at timestamp with time zone,
    first_synced_at timestamp with time zone,
    auth_failures integer DEFAULT 0 NOT NULL,
    auto_paused_until timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    workspace_id bigint NOT NULL,
    sending_error text DEFAULT ''::text NOT NULL,
    CONSTRAINT inboxes_kind CHECK (((kind)::text = ANY ((ARRAY['imap'::character varying, 'maildir'::character varying])::text[]))),
    CONSTRAINT inboxes_reply_mode CHECK (((reply_mode)::text = ANY ((ARRAY['off'::character varying, 'draft'::character varying, 'auto'::character varying])::text[])))
);

ALTER TABLE ONLY public.inboxes FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.inboxes.email_address IS 'Lower case';

COMMENT ON COLUMN public.inboxes.kind IS 'imap | maildir';

COMMENT ON COLUMN public.inboxes.reply_mode IS 'off | draft | auto';

COMMENT ON COLUMN public.inboxes.imap_security IS 'tls | starttls | plain';

COMMENT ON COLUMN public.inboxes.smtp_security IS 'tls | starttls | plain';

COMMENT ON COLUMN public.inboxes.secrets_encrypted IS 'JSON with imap_password and smtp_password';

COMMENT ON COLUMN public.inboxes.state IS 'new | syncing | ok | unreachable | sign_in_failed | paused';

COMMENT ON COLUMN public.inboxes.auto_paused_until IS 'Circuit breaker of automatic answers (rule 37)';

COMMENT ON COLUMN public.inboxes.created_at IS 'When the row was made';

COMMENT ON COLUMN public.inboxes.workspace_id IS 'Owning workspace';

COMMENT ON COLUMN public.inboxes.sending_error IS 'Why the SMTP server refuses our login; mail waits meanwhile';

CREATE VIEW convergio_reach.emails WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    message_id,
    message_id_header,
    from_address,
    from_name,
    to_address,
    recipients,
    subject,
    body_text,
    body_html,
    snippet,
    ( SELECT i.tag
           FROM (public.email_deliveries d
             JOIN public.inboxes i ON ((i.id = d.inbox_id)))
          WHERE ((d.email_id = t.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[])))
          ORDER BY d.id
         LIMIT 1) AS tag,
    direction,
    attachments,
    received_at,
    date_header,
    in_reply_to,
    "references",
    return_path,
    list_id,
    is_read,
    raw_source,
    content_hash,
    parse_error,
    reply_allowed,
    reply_reason,
    reply_rule,
    is_backfill,
    is_automatic,
    delivery_state,
    outbox_key,
    send_after,
    attempts,
    data_sent_at,
    last_error,
    created_at,
    sent_by_id,
    workspace_id,
    thread_id,
    search_vector,
    delivery_results
   FROM public.emails t
  WHERE (EXISTS ( SELECT
           FROM public.email_deliveries d
          WHERE ((d.email_id = t.id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[])))));

CREATE TABLE public.inbox_folders (
    id bigint NOT NULL,
    name character varying(500) NOT NULL,
    role character varying(20) NOT NULL,
    uidvalidity bigint DEFAULT 0 NOT NULL,
    last_uid bigint DEFAULT 0 NOT NULL,
    modseq bigint,
    quiet_below bigint DEFAULT 0 NOT NULL,
    inbox_id bigint NOT NULL,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.inbox_folders FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.inbox_folders.role IS 'inbox | sent | junk | trash | all';

COMMENT ON COLUMN public.inbox_folders.modseq IS 'HIGHESTMODSEQ up to which flags are known (RFC 7162)';

COMMENT ON COLUMN public.inbox_folders.quiet_below IS 'Mail with a UID below was there before we looked: stored, never answered';

COMMENT ON COLUMN public.inbox_folders.workspace_id IS 'Owning workspace';

CREATE VIEW convergio_reach.inbox_folders WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    name,
    role,
    uidvalidity,
    last_uid,
    modseq,
    quiet_below,
    inbox_id,
    workspace_id
   FROM public.inbox_folders t
  WHERE (inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]));

CREATE VIEW convergio_reach.inboxes WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    name,
    email_address,
    tag,
    colour,
    kind,
    is_active,
    reply_mode,
    imap_host,
    imap_port,
    imap_security,
    imap_username,
    smtp_host,
    smtp_port,
    smtp_security,
    smtp_username,
    secrets_encrypted,
    oauth,
    maildir_path,
    outbox_path,
    signature,
    state,
    last_error,
    last_polled_at,
    first_synced_at,
    auth_failures,
    auto_paused_until,
    created_at,
    workspace_id,
    sending_error
   FROM public.inboxes t
  WHERE (id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]));

CREATE TABLE public.knowledge_documents (
    id bigint NOT NULL,
    title character varying(255) NOT NULL,
    body text NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    created_by_id bigint,
    inbox_id bigint,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.knowledge_documents FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.knowledge_documents.body IS 'Markdown';

COMMENT ON COLUMN public.knowledge_documents.created_at IS 'When the row was made';

COMMENT ON COLUMN public.knowledge_documents.updated_at IS 'When the row last changed';

COMMENT ON COLUMN public.knowledge_documents.workspace_id IS 'Owning workspace';

CREATE VIEW convergio_reach.knowledge_documents WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    title,
    body,
    is_active,
    created_at,
    updated_at,
    created_by_id,
    inbox_id,
    workspace_id
   FROM public.knowledge_documents t
  WHERE false;

CREATE TABLE public.knowledge_passages (
    id bigint NOT NULL,
    ordinal integer NOT NULL,
    heading character varying(255) DEFAULT ''::character varying NOT NULL,
    text text NOT NULL,
    document_id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    search_vector tsvector GENERATED ALWAYS AS ((setweight(to_tsvector('english'::regconfig, (heading)::text), 'A'::"char") || to_tsvector('english'::regconfig, "left"(text, 200000)))) STORED
);

ALTER TABLE ONLY public.knowledge_passages FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.knowledge_passages.workspace_id IS 'Owning workspace';

CREATE VIEW convergio_reach.knowledge_passages WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    ordinal,
    heading,
    text,
    document_id,
    workspace_id,
    search_vector
   FROM public.knowledge_passages t
  WHERE false;

CREATE TABLE public.stored_files (
    id bigint NOT NULL,
    sha256 character varying(64) NOT NULL,
    size bigint NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    workspace_id bigint NOT NULL,
    key_ids jsonb DEFAULT '[]'::jsonb NOT NULL
);

ALTER TABLE ONLY public.stored_files FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.stored_files.size IS 'Bytes';

COMMENT ON COLUMN public.stored_files.created_at IS 'When the row was made';

COMMENT ON COLUMN public.stored_files.workspace_id IS 'Owning workspace';

COMMENT ON COLUMN public.stored_files.key_ids IS 'API keys limited to inboxes that uploaded it, and so may send it';

CREATE VIEW convergio_reach.stored_files WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    sha256,
    size,
    created_at,
    workspace_id,
    key_ids
   FROM public.stored_files t
  WHERE (key_ids @> to_jsonb((NULLIF(current_setting('convergio.api_key_id'::text, true), ''::text))::bigint));

CREATE VIEW convergio_reach.tasks WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    title,
    description,
    status,
    priority,
    source,
    due_at,
    "position",
    tag,
    completed_at,
    created_at,
    updated_at,
    assignee_id,
    created_by_id,
    email_id,
    workspace_id
   FROM public.tasks t
  WHERE (EXISTS ( SELECT
           FROM public.email_deliveries d
          WHERE ((d.email_id = t.email_id) AND (d.inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[])))));

CREATE VIEW convergio_reach.thread_inboxes WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    last_message_at,
    unread_count,
    inbox_id,
    thread_id,
    workspace_id
   FROM public.thread_inboxes t
  WHERE (inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]));

CREATE TABLE public.thread_references (
    id bigint NOT NULL,
    message_id character varying(500) NOT NULL,
    inbox_id bigint NOT NULL,
    thread_id bigint NOT NULL,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.thread_references FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.thread_references.workspace_id IS 'Owning workspace';

CREATE VIEW convergio_reach.thread_references WITH (security_invoker='true', security_barrier='true') AS
 SELECT id,
    message_id,
    inbox_id,
    thread_id,
    workspace_id
   FROM public.thread_references t
  WHERE (inbox_id = ANY ((( SELECT NULLIF(current_setting('convergio.inbox_ids'::text, true), ''::text) AS "nullif"))::bigint[]));

ALTER TABLE public.activity ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.activity_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.ai_stops (
    id bigint NOT NULL,
    reason character varying(20) NOT NULL,
    feature character varying(50) NOT NULL,
    cause character varying(100) DEFAULT ''::character varying NOT NULL,
    inbox_id bigint,
    needed bigint NOT NULL,
    available bigint NOT NULL,
    times integer DEFAULT 1 NOT NULL,
    hour timestamp with time zone NOT NULL,
    first_at timestamp with time zone NOT NULL,
    last_at timestamp with time zone NOT NULL,
    member_id bigint,
    user_id bigint NOT NULL,
    workspace_id bigint NOT NULL
);

COMMENT ON COLUMN public.ai_stops.reason IS 'tokens | emails | ai_replies';

COMMENT ON COLUMN public.ai_stops.cause IS 'Of the latest: table and id';

COMMENT ON COLUMN public.ai_stops.inbox_id IS 'The inbox that it was for';

COMMENT ON COLUMN public.ai_stops.needed IS 'Tokens that the call could take; or what counted already';

COMMENT ON COLUMN public.ai_stops.available IS 'Tokens that were free; or the plan''s quota';

ALTER TABLE public.ai_stops ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.ai_stops_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.app_settings (
    id bigint NOT NULL,
    key character varying(100) NOT NULL,
    value jsonb NOT NULL,
    updated_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.app_settings FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.app_settings.updated_at IS 'When the row last changed';

COMMENT ON COLUMN public.app_settings.workspace_id IS 'Owning workspace';

ALTER TABLE public.app_settings ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.app_settings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.billing_profiles (
    user_id bigint NOT NULL,
    name character varying(120) NOT NULL,
    address jsonb DEFAULT '[]'::jsonb NOT NULL,
    state character varying(2) DEFAULT ''::character varying NOT NULL,
    country character varying(2) DEFAULT 'IN'::character varying NOT NULL,
    gstin character varying(15) DEFAULT ''::character varying NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL
);

COMMENT ON COLUMN public.billing_profiles.address IS 'Lines of the address';

COMMENT ON COLUMN public.billing_profiles.state IS 'Code of an Indian state, like 27';

COMMENT ON COLUMN public.billing_profiles.country IS 'ISO 3166';

COMMENT ON COLUMN public.billing_profiles.gstin IS 'Of a registered buyer';

COMMENT ON COLUMN public.billing_profiles.created_at IS 'When the row was made';

CREATE TABLE public.credit_notes (
    id bigint NOT NULL,
    number character varying(50) NOT NULL,
    series character varying(20) NOT NULL,
    series_number integer NOT NULL,
    reason character varying(255) NOT NULL,
    subtotal bigint DEFAULT 0 NOT NULL,
    tax bigint DEFAULT 0 NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    currency character varying(3) DEFAULT 'INR'::character varying NOT NULL,
    lines jsonb DEFAULT '[]'::jsonb NOT NULL,
    tax_lines jsonb DEFAULT '[]'::jsonb NOT NULL,
    gateway character varying(20) DEFAULT ''::character varying NOT NULL,
    gateway_id character varying(255) DEFAULT ''::character varying NOT NULL,
    issued_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    invoice_id bigint NOT NULL,
    CONSTRAINT credit_notes_total CHECK (((subtotal >= 0) AND (tax >= 0) AND (total > 0) AND (total = (subtotal + tax))))
);

COMMENT ON COLUMN public.credit_notes.subtotal IS 'Minor units (paise)';

COMMENT ON COLUMN public.credit_notes.tax IS 'Minor units (paise)';

COMMENT ON COLUMN public.credit_notes.total IS 'Minor units (paise)';

COMMENT ON COLUMN public.credit_notes.lines IS 'As the invoice''s, with what is taken back of each';

COMMENT ON COLUMN public.credit_notes.gateway_id IS 'The refund; one note each';

COMMENT ON COLUMN public.credit_notes.created_at IS 'When the row was made';

ALTER TABLE public.credit_notes ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.credit_notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.email_deliveries ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.email_deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.email_drafts ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.email_drafts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.email_threads ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.email_threads_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.gateway_customers (
    id bigint NOT NULL,
    gateway character varying(20) NOT NULL,
    gateway_id character varying(255) NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL
);

COMMENT ON COLUMN public.gateway_customers.created_at IS 'When the row was made';

ALTER TABLE public.gateway_customers ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.gateway_customers_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.gateway_differences (
    id bigint NOT NULL,
    gateway character varying(20) NOT NULL,
    kind character varying(40) NOT NULL,
    subject character varying(255) NOT NULL,
    detail character varying(300) DEFAULT ''::character varying NOT NULL,
    found_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    seen_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    resolved_at timestamp with time zone,
    purchase_id bigint
);

COMMENT ON COLUMN public.gateway_differences.subject IS 'The order or payment at the gateway';

COMMENT ON COLUMN public.gateway_differences.detail IS 'What is different, in a sentence';

COMMENT ON COLUMN public.gateway_differences.found_at IS 'When the row was made';

COMMENT ON COLUMN public.gateway_differences.seen_at IS 'When it was last found';

ALTER TABLE public.gateway_differences ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.gateway_differences_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.gateway_plans (
    id bigint NOT NULL,
    gateway character varying(20) NOT NULL,
    amount bigint NOT NULL,
    gateway_id character varying(255) NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    version_id bigint NOT NULL
);

COMMENT ON COLUMN public.gateway_plans.amount IS 'Minor units a month, with the tax where it is added';

COMMENT ON COLUMN public.gateway_plans.created_at IS 'When the row was made';

ALTER TABLE public.gateway_plans ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.gateway_plans_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.idempotency_keys (
    id bigint NOT NULL,
    key character varying(255) NOT NULL,
    request_hash bytea NOT NULL,
    status integer DEFAULT 0 NOT NULL,
    answer bytea DEFAULT '\x'::bytea NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.idempotency_keys FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.idempotency_keys.request_hash IS 'SHA-256 of method, path and body';

COMMENT ON COLUMN public.idempotency_keys.status IS 'HTTP status of the stored answer';

COMMENT ON COLUMN public.idempotency_keys.created_at IS 'When the row was made';

COMMENT ON COLUMN public.idempotency_keys.workspace_id IS 'Owning workspace';

ALTER TABLE public.idempotency_keys ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.idempotency_keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.inbound_events (
    id bigint NOT NULL,
    source character varying(50) NOT NULL,
    external_id character varying(255) NOT NULL,
    payload bytea NOT NULL,
    headers jsonb DEFAULT '{}'::jsonb NOT NULL,
    received_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    handled_at timestamp with time zone,
    error text DEFAULT ''::text NOT NULL,
    workspace_id bigint
);

COMMENT ON COLUMN public.inbound_events.received_at IS 'When the row was made';

ALTER TABLE public.inbound_events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.inbound_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.inbox_folders ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.inbox_folders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.inboxes ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.inboxes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.invoice_counters (
    series character varying(20) NOT NULL,
    seller_gstin character varying(15) DEFAULT ''::character varying NOT NULL,
    last_number integer NOT NULL,
    last_issued_at timestamp with time zone NOT NULL
);

COMMENT ON COLUMN public.invoice_counters.series IS 'Prefix and financial year';

COMMENT ON COLUMN public.invoice_counters.seller_gstin IS 'Whose series it is';

COMMENT ON COLUMN public.invoice_counters.last_issued_at IS 'No later number has an earlier date';

ALTER TABLE public.knowledge_documents ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.knowledge_documents_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.knowledge_passages ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.knowledge_passages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.login_throttles (
    key character varying(120) NOT NULL,
    failures integer DEFAULT 0 NOT NULL,
    blocked_until timestamp with time zone,
    updated_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL
);

COMMENT ON COLUMN public.login_throttles.updated_at IS 'When the row last changed';

CREATE TABLE public.manual_payments (
    id bigint NOT NULL,
    reference character varying(40) NOT NULL,
    amount bigint DEFAULT 0 NOT NULL,
    currency character varying(3) DEFAULT 'INR'::character varying NOT NULL,
    received bigint,
    received_currency character varying(3) DEFAULT ''::character varying NOT NULL,
    bank_reference character varying(100) DEFAULT ''::character varying NOT NULL,
    refunded bigint DEFAULT 0 NOT NULL,
    refunds text[] DEFAULT '{}'::text[] NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    recorded_by_id bigint
);

COMMENT ON COLUMN public.manual_payments.amount IS 'Minor units (paise)';

COMMENT ON COLUMN public.manual_payments.received IS 'Minor units that arrived; NULL: nothing yet';

COMMENT ON COLUMN public.manual_payments.refunded IS 'Minor units (paise)';

COMMENT ON COLUMN public.manual_payments.refunds IS 'References of what was sent back';

COMMENT ON COLUMN public.manual_payments.created_at IS 'When the row was made';

ALTER TABLE public.manual_payments ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.manual_payments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.one_time_links (
    id bigint NOT NULL,
    purpose character varying(30) NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL
);

COMMENT ON COLUMN public.one_time_links.purpose IS 'password_reset | verify_email | email_change_old | email_change_new';

COMMENT ON COLUMN public.one_time_links.created_at IS 'When the row was made';

COMMENT ON COLUMN public.one_time_links.facts IS 'What the link is about, like the new address';

ALTER TABLE public.one_time_links ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.one_time_links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.passkeys (
    id bigint NOT NULL,
    name character varying(100) NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint DEFAULT 0 NOT NULL,
    last_used_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    is_synced boolean DEFAULT false NOT NULL,
    transports jsonb DEFAULT '[]'::jsonb NOT NULL,
    user_handle bytea NOT NULL
);

COMMENT ON COLUMN public.passkeys.public_key IS 'COSE key';

COMMENT ON COLUMN public.passkeys.created_at IS 'When the row was made';

COMMENT ON COLUMN public.passkeys.is_synced IS 'Backed up by its maker, so on several devices';

COMMENT ON COLUMN public.passkeys.transports IS 'How browsers reach it: internal, usb, hybrid ...';

COMMENT ON COLUMN public.passkeys.user_handle IS 'What the authenticator calls the account; says nothing about it';

ALTER TABLE public.passkeys ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.passkeys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.sign_in_steps (
    id bigint NOT NULL,
    purpose character varying(30) NOT NULL,
    token_hash bytea NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint
);

COMMENT ON COLUMN public.sign_in_steps.purpose IS 'second_step | passkey_register | passkey_sign_in | google';

COMMENT ON COLUMN public.sign_in_steps.created_at IS 'When the row was made';

ALTER TABLE public.sign_in_steps ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.sign_in_steps_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.stored_files ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.stored_files_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.subscription_events (
    id bigint NOT NULL,
    from_state character varying(20) NOT NULL,
    to_state character varying(20) NOT NULL,
    event character varying(30) NOT NULL,
    facts jsonb DEFAULT '{}'::jsonb NOT NULL,
    moment timestamp with time zone NOT NULL,
    user_id bigint NOT NULL
);

ALTER TABLE public.subscription_events ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.subscription_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.subscription_orders (
    id bigint NOT NULL,
    contract character varying(40) NOT NULL,
    reference character varying(40) NOT NULL,
    kind character varying(10) NOT NULL,
    amount bigint NOT NULL,
    currency character varying(3) NOT NULL,
    tokens bigint NOT NULL,
    period_start timestamp with time zone,
    period_end timestamp with time zone,
    gateway character varying(20) NOT NULL,
    gateway_id character varying(255) DEFAULT ''::character varying NOT NULL,
    status character varying(20) DEFAULT 'pending'::character varying NOT NULL,
    problem character varying(300) DEFAULT ''::character varying NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    version_id bigint NOT NULL,
    CONSTRAINT subscription_orders_positive CHECK (((amount > 0) AND (tokens >= 0)))
);

COMMENT ON COLUMN public.subscription_orders.reference IS 'What the gateway knows it by; random';

COMMENT ON COLUMN public.subscription_orders.kind IS 'period | upgrade';

COMMENT ON COLUMN public.subscription_orders.amount IS 'Minor units';

COMMENT ON COLUMN public.subscription_orders.tokens IS 'What it grants';

COMMENT ON COLUMN public.subscription_orders.period_start IS 'NULL: the period begins with the payment';

COMMENT ON COLUMN public.subscription_orders.gateway_id IS 'The order there; empty until made';

COMMENT ON COLUMN public.subscription_orders.status IS 'pending | received | paid | mismatch | expired';

COMMENT ON COLUMN public.subscription_orders.created_at IS 'When the row was made';

ALTER TABLE public.subscription_orders ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.subscription_orders_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.subscription_payments (
    id bigint NOT NULL,
    contract character varying(40) NOT NULL,
    kind character varying(10) NOT NULL,
    gateway character varying(20) NOT NULL,
    gateway_id character varying(255) NOT NULL,
    amount bigint NOT NULL,
    currency character varying(3) NOT NULL,
    tokens bigint NOT NULL,
    period_start timestamp with time zone NOT NULL,
    period_end timestamp with time zone NOT NULL,
    paid_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    invoice_id bigint NOT NULL,
    user_id bigint NOT NULL,
    version_id bigint NOT NULL,
    CONSTRAINT subscription_payments_positive CHECK (((amount >= 0) AND (period_end > period_start) AND (tokens >= 0)))
);

COMMENT ON COLUMN public.subscription_payments.contract IS 'user_subscriptions.reference when it was paid';

COMMENT ON COLUMN public.subscription_payments.kind IS 'period | upgrade';

COMMENT ON COLUMN public.subscription_payments.gateway_id IS 'The payment there';

COMMENT ON COLUMN public.subscription_payments.amount IS 'Minor units that were paid';

COMMENT ON COLUMN public.subscription_payments.tokens IS 'Granted with it';

COMMENT ON COLUMN public.subscription_payments.created_at IS 'When the row was made';

ALTER TABLE public.subscription_payments ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.subscription_payments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.subscription_plan_versions (
    id bigint NOT NULL,
    number integer NOT NULL,
    name character varying(100) NOT NULL,
    price bigint NOT NULL,
    currency character varying(3) NOT NULL,
    monthly_tokens bigint NOT NULL,
    monthly_emails integer,
    monthly_ai_replies integer,
    trial_days smallint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    plan_id bigint NOT NULL
);

COMMENT ON COLUMN public.subscription_plan_versions.price IS 'Minor units (paise) a month';

COMMENT ON COLUMN public.subscription_plan_versions.created_at IS 'When the row was made';

ALTER TABLE public.subscription_plan_versions ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.subscription_plan_versions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.subscription_refunds (
    id bigint NOT NULL,
    reference character varying(100) NOT NULL,
    amount bigint NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    status character varying(20) NOT NULL,
    gateway_id character varying(255) DEFAULT ''::character varying NOT NULL,
    reason character varying(255) NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    member_id bigint,
    payment_id bigint NOT NULL,
    CONSTRAINT subscription_refunds_positive CHECK (((amount > 0) AND (tokens >= 0)))
);

COMMENT ON COLUMN public.subscription_refunds.reference IS 'What the gateway knows it by';

COMMENT ON COLUMN public.subscription_refunds.amount IS 'Minor units';

COMMENT ON COLUMN public.subscription_refunds.tokens IS 'Taken back; only what was unspent';

COMMENT ON COLUMN public.subscription_refunds.status IS 'pending | done | failed';

COMMENT ON COLUMN public.subscription_refunds.created_at IS 'When the row was made';

COMMENT ON COLUMN public.subscription_refunds.member_id IS 'Staff; NULL: at the gateway';

ALTER TABLE public.subscription_refunds ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.subscription_refunds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.tags (
    id bigint NOT NULL,
    name character varying(50) NOT NULL,
    colour character varying(20) NOT NULL,
    workspace_id bigint NOT NULL
);

ALTER TABLE ONLY public.tags FORCE ROW LEVEL SECURITY;

COMMENT ON COLUMN public.tags.workspace_id IS 'Owning workspace';

ALTER TABLE public.tags ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.tags_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.thread_inboxes ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.thread_inboxes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.thread_references ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.thread_references_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.token_ledger (
    id bigint NOT NULL,
    kind character varying(20) NOT NULL,
    tokens bigint NOT NULL,
    expires_at timestamp with time zone,
    cause character varying(100) DEFAULT ''::character varying NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    member_id bigint,
    reason character varying(255) DEFAULT ''::character varying NOT NULL,
    usage_id bigint
);

COMMENT ON COLUMN public.token_ledger.kind IS 'grant | purchase | bonus | usage | refund | adjustment | expiry';

COMMENT ON COLUMN public.token_ledger.tokens IS 'Positive in, negative out';

COMMENT ON COLUMN public.token_ledger.expires_at IS 'Of what came in; NULL never lapses';

COMMENT ON COLUMN public.token_ledger.cause IS 'What it is for, like token_purchases:7; credited once each';

COMMENT ON COLUMN public.token_ledger.created_at IS 'When the row was made';

COMMENT ON COLUMN public.token_ledger.member_id IS 'Who caused it';

COMMENT ON COLUMN public.token_ledger.reason IS 'Of an adjustment, by who made it';

ALTER TABLE public.token_ledger ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.token_ledger_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.token_lots (
    entry_id bigint NOT NULL,
    remaining bigint NOT NULL,
    expires_at timestamp with time zone,
    user_id bigint NOT NULL,
    CONSTRAINT token_lots_never_negative CHECK ((remaining >= 0))
);

CREATE TABLE public.token_refunds (
    id bigint NOT NULL,
    reference character varying(100) NOT NULL,
    amount bigint DEFAULT 0 NOT NULL,
    tokens bigint DEFAULT 0 NOT NULL,
    status character varying(20) NOT NULL,
    gateway_id character varying(255) DEFAULT ''::character varying NOT NULL,
    reason character varying(255) DEFAULT ''::character varying NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    member_id bigint,
    purchase_id bigint NOT NULL,
    CONSTRAINT token_refunds_positive CHECK (((amount > 0) AND (tokens >= 0)))
);

COMMENT ON COLUMN public.token_refunds.reference IS 'What the gateway knows it by';

COMMENT ON COLUMN public.token_refunds.amount IS 'Minor units (paise)';

COMMENT ON COLUMN public.token_refunds.tokens IS 'Taken back; less than bought where some were spent';

COMMENT ON COLUMN public.token_refunds.status IS 'pending | done | failed';

COMMENT ON COLUMN public.token_refunds.created_at IS 'When the row was made';

COMMENT ON COLUMN public.token_refunds.member_id IS 'Staff; NULL: at the gateway';

ALTER TABLE public.token_refunds ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.token_refunds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.token_reservations (
    id bigint NOT NULL,
    tokens bigint NOT NULL,
    cause character varying(100) DEFAULT ''::character varying NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    expires_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    feature character varying(50) DEFAULT ''::character varying NOT NULL,
    member_id bigint,
    workspace_id bigint,
    inbox_id bigint,
    period_start timestamp with time zone,
    CONSTRAINT token_reservations_positive CHECK ((tokens >= 0))
);

COMMENT ON COLUMN public.token_reservations.tokens IS 'The most that the call can cost';

COMMENT ON COLUMN public.token_reservations.created_at IS 'When the row was made';

COMMENT ON COLUMN public.token_reservations.inbox_id IS 'The inbox that it was for';

COMMENT ON COLUMN public.token_reservations.period_start IS 'The period in which it counts as an AI reply; NULL: it is none';

ALTER TABLE public.token_reservations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.token_reservations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.trusted_devices (
    id bigint NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    session_id bigint
);

COMMENT ON COLUMN public.trusted_devices.created_at IS 'When the row was made';

ALTER TABLE public.trusted_devices ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.trusted_devices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.usage_counters (
    id bigint NOT NULL,
    period_start timestamp with time zone NOT NULL,
    emails bigint DEFAULT 0 NOT NULL,
    ai_replies bigint DEFAULT 0 NOT NULL,
    emails_told smallint DEFAULT 0 NOT NULL,
    ai_replies_told smallint DEFAULT 0 NOT NULL,
    user_id bigint NOT NULL,
    CONSTRAINT usage_counters_never_negative CHECK (((ai_replies >= 0) AND (emails >= 0)))
);

COMMENT ON COLUMN public.usage_counters.emails IS 'Mails that came in; never refused';

COMMENT ON COLUMN public.usage_counters.ai_replies IS 'Replies written by a model, with those under way';

COMMENT ON COLUMN public.usage_counters.emails_told IS 'Percent of the quota that was told of: 0 | 80 | 100';

COMMENT ON COLUMN public.usage_counters.ai_replies_told IS 'The same';

ALTER TABLE public.usage_counters ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.usage_counters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.usage_notices (
    id bigint NOT NULL,
    subject character varying(150) NOT NULL,
    text text NOT NULL,
    in_app boolean DEFAULT true NOT NULL,
    by_mail boolean DEFAULT true NOT NULL,
    mailed_at timestamp with time zone,
    seen_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    workspace_id bigint
);

COMMENT ON COLUMN public.usage_notices.seen_at IS 'When the payer read it in the app';

COMMENT ON COLUMN public.usage_notices.created_at IS 'When the row was made';

ALTER TABLE public.usage_notices ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.usage_notices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.user_identities (
    id bigint NOT NULL,
    provider character varying(20) NOT NULL,
    subject character varying(255) NOT NULL,
    email character varying(255) NOT NULL,
    last_used_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL
);

COMMENT ON COLUMN public.user_identities.provider IS 'google';

COMMENT ON COLUMN public.user_identities.subject IS 'The provider''s own id of the account';

COMMENT ON COLUMN public.user_identities.email IS 'As the provider gave it when it was linked';

COMMENT ON COLUMN public.user_identities.created_at IS 'When the row was made';

ALTER TABLE public.user_identities ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.user_identities_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.workspace_invitations (
    id bigint NOT NULL,
    email character varying(255) NOT NULL,
    role character varying(20) NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    invited_by_id bigint,
    workspace_id bigint NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT workspace_invitations_role CHECK (((role)::text = ANY ((ARRAY['admin'::character varying, 'member'::character varying])::text[])))
);

COMMENT ON COLUMN public.workspace_invitations.created_at IS 'When the row was made';

ALTER TABLE public.workspace_invitations ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.workspace_invitations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.workspace_members (
    id bigint NOT NULL,
    role character varying(20) NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    user_id bigint NOT NULL,
    workspace_id bigint NOT NULL,
    CONSTRAINT workspace_members_role CHECK (((role)::text = ANY ((ARRAY['owner'::character varying, 'admin'::character varying, 'member'::character varying])::text[])))
);

COMMENT ON COLUMN public.workspace_members.role IS 'owner | admin | member';

COMMENT ON COLUMN public.workspace_members.created_at IS 'When the row was made';

ALTER TABLE public.workspace_members ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.workspace_members_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.workspaces (
    id bigint NOT NULL,
    name character varying(255) NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    owner_id bigint NOT NULL,
    require_two_factor boolean DEFAULT false NOT NULL
);

COMMENT ON COLUMN public.workspaces.created_at IS 'When the row was made';

COMMENT ON COLUMN public.workspaces.require_two_factor IS 'Members without a second factor only get to set one up';

ALTER TABLE public.workspaces ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.workspaces_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.activity
    ADD CONSTRAINT activity_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.ai_stops
    ADD CONSTRAINT ai_stops_once_an_hour UNIQUE (workspace_id, reason, feature, hour);

ALTER TABLE ONLY public.ai_stops
    ADD CONSTRAINT ai_stops_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.app_settings
    ADD CONSTRAINT app_settings_once UNIQUE (workspace_id, key);

ALTER TABLE ONLY public.app_settings
    ADD CONSTRAINT app_settings_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.billing_profiles
    ADD CONSTRAINT billing_profiles_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.credit_notes
    ADD CONSTRAINT credit_notes_number_key UNIQUE (number);

ALTER TABLE ONLY public.credit_notes
    ADD CONSTRAINT credit_notes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.credit_notes
    ADD CONSTRAINT credit_notes_series_number UNIQUE (series, series_number);

ALTER TABLE ONLY public.email_deliveries
    ADD CONSTRAINT email_deliveries_once UNIQUE (email_id, inbox_id);

ALTER TABLE ONLY public.email_deliveries
    ADD CONSTRAINT email_deliveries_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.email_deliveries
    ADD CONSTRAINT email_deliveries_uid_once UNIQUE (folder_id, uid);

ALTER TABLE ONLY public.email_drafts
    ADD CONSTRAINT email_drafts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.email_threads
    ADD CONSTRAINT email_threads_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.gateway_customers
    ADD CONSTRAINT gateway_customers_once UNIQUE (user_id, gateway);

ALTER TABLE ONLY public.gateway_customers
    ADD CONSTRAINT gateway_customers_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.gateway_differences
    ADD CONSTRAINT gateway_differences_once UNIQUE (gateway, kind, subject);

ALTER TABLE ONLY public.gateway_differences
    ADD CONSTRAINT gateway_differences_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.gateway_plans
    ADD CONSTRAINT gateway_plans_once UNIQUE (version_id, gateway, amount);

ALTER TABLE ONLY public.gateway_plans
    ADD CONSTRAINT gateway_plans_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_once UNIQUE (workspace_id, key);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.inbound_events
    ADD CONSTRAINT inbound_events_once UNIQUE (source, external_id);

ALTER TABLE ONLY public.inbound_events
    ADD CONSTRAINT inbound_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.inbox_folders
    ADD CONSTRAINT inbox_folders_once UNIQUE (inbox_id, name);

ALTER TABLE ONLY public.inbox_folders
    ADD CONSTRAINT inbox_folders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_address_once UNIQUE (workspace_id, email_address);

ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.invoice_counters
    ADD CONSTRAINT invoice_counters_pkey PRIMARY KEY (series);

ALTER TABLE ONLY public.knowledge_documents
    ADD CONSTRAINT knowledge_documents_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.knowledge_passages
    ADD CONSTRAINT knowledge_passages_once UNIQUE (document_id, ordinal);

ALTER TABLE ONLY public.knowledge_passages
    ADD CONSTRAINT knowledge_passages_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.login_throttles
    ADD CONSTRAINT login_throttles_pkey PRIMARY KEY (key);

ALTER TABLE ONLY public.manual_payments
    ADD CONSTRAINT manual_payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.manual_payments
    ADD CONSTRAINT manual_payments_reference_key UNIQUE (reference);

ALTER TABLE ONLY public.one_time_links
    ADD CONSTRAINT one_time_links_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.one_time_links
    ADD CONSTRAINT one_time_links_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_credential_id_key UNIQUE (credential_id);

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT passkeys_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sign_in_steps
    ADD CONSTRAINT sign_in_steps_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sign_in_steps
    ADD CONSTRAINT sign_in_steps_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.stored_files
    ADD CONSTRAINT stored_files_once UNIQUE (workspace_id, sha256);

ALTER TABLE ONLY public.stored_files
    ADD CONSTRAINT stored_files_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.subscription_events
    ADD CONSTRAINT subscription_events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.subscription_orders
    ADD CONSTRAINT subscription_orders_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.subscription_orders
    ADD CONSTRAINT subscription_orders_reference_key UNIQUE (reference);

ALTER TABLE ONLY public.subscription_payments
    ADD CONSTRAINT subscription_payments_invoice_id_key UNIQUE (invoice_id);

ALTER TABLE ONLY public.subscription_payments
    ADD CONSTRAINT subscription_payments_once UNIQUE (gateway, gateway_id);

ALTER TABLE ONLY public.subscription_payments
    ADD CONSTRAINT subscription_payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.subscription_plan_versions
    ADD CONSTRAINT subscription_plan_versions_once UNIQUE (plan_id, number);

ALTER TABLE ONLY public.subscription_plan_versions
    ADD CONSTRAINT subscription_plan_versions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.subscription_refunds
    ADD CONSTRAINT subscription_refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.subscription_refunds
    ADD CONSTRAINT subscription_refunds_reference_key UNIQUE (reference);

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.thread_inboxes
    ADD CONSTRAINT thread_inboxes_once UNIQUE (thread_id, inbox_id);

ALTER TABLE ONLY public.thread_inboxes
    ADD CONSTRAINT thread_inboxes_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.thread_references
    ADD CONSTRAINT thread_references_once UNIQUE (inbox_id, message_id);

ALTER TABLE ONLY public.thread_references
    ADD CONSTRAINT thread_references_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_ledger
    ADD CONSTRAINT token_ledger_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_ledger
    ADD CONSTRAINT token_ledger_usage_id_key UNIQUE (usage_id);

ALTER TABLE ONLY public.token_lots
    ADD CONSTRAINT token_lots_pkey PRIMARY KEY (entry_id);

ALTER TABLE ONLY public.token_refunds
    ADD CONSTRAINT token_refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.token_refunds
    ADD CONSTRAINT token_refunds_reference_key UNIQUE (reference);

ALTER TABLE ONLY public.token_reservations
    ADD CONSTRAINT token_reservations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.trusted_devices
    ADD CONSTRAINT trusted_devices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.trusted_devices
    ADD CONSTRAINT trusted_devices_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.usage_counters
    ADD CONSTRAINT usage_counters_once UNIQUE (user_id, period_start);

ALTER TABLE ONLY public.usage_counters
    ADD CONSTRAINT usage_counters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.usage_notices
    ADD CONSTRAINT usage_notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.user_identities
    ADD CONSTRAINT user_identities_once UNIQUE (provider, subject);

ALTER TABLE ONLY public.user_identities
    ADD CONSTRAINT user_identities_one_each UNIQUE (user_id, provider);

ALTER TABLE ONLY public.user_identities
    ADD CONSTRAINT user_identities_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspace_invitations
    ADD CONSTRAINT workspace_invitations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspace_invitations
    ADD CONSTRAINT workspace_invitations_token_hash_key UNIQUE (token_hash);

ALTER TABLE ONLY public.workspace_members
    ADD CONSTRAINT workspace_members_once UNIQUE (workspace_id, user_id);

ALTER TABLE ONLY public.workspace_members
    ADD CONSTRAINT workspace_members_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.workspaces
    ADD CONSTRAINT workspaces_pkey PRIMARY KEY (id);

CREATE INDEX activity_newest ON public.activity USING btree (workspace_id, id DESC);

CREATE INDEX activity_of_user ON public.activity USING btree (workspace_id, user_id, id DESC);

CREATE INDEX activity_user_id_02da5096 ON public.activity USING btree (user_id);

CREATE INDEX ai_stops_member_id_8bc0b8fe ON public.ai_stops USING btree (member_id);

CREATE INDEX ai_stops_newest ON public.ai_stops USING btree (user_id, last_at DESC);

CREATE INDEX ai_stops_user_id_dd31d4c1 ON public.ai_stops USING btree (user_id);

CREATE INDEX credit_notes_invoice_id_e172c115 ON public.credit_notes USING btree (invoice_id);

CREATE INDEX credit_notes_number_572a8eab_like ON public.credit_notes USING btree (number varchar_pattern_ops);

CREATE UNIQUE INDEX credit_notes_one_for_each_refund ON public.credit_notes USING btree (gateway, gateway_id) WHERE (NOT ((gateway_id)::text = ''::text));

CREATE INDEX email_deliveries_newest ON public.email_deliveries USING btree (inbox_id, received_at DESC, email_id DESC);

CREATE INDEX email_deliveries_seen_wanted ON public.email_deliveries USING btree (folder_id) WHERE (seen_wanted IS NOT NULL);

CREATE INDEX email_drafts_inbox_id_1b338f0a ON public.email_drafts USING btree (inbox_id);

CREATE INDEX email_drafts_thread_id_683b06a7 ON public.email_drafts USING btree (thread_id);

CREATE INDEX email_drafts_user_id_8e735fe1 ON public.email_drafts USING btree (user_id);

CREATE INDEX email_drafts_workspace_id_15afabdf ON public.email_drafts USING btree (workspace_id);

CREATE INDEX email_threads_newest ON public.email_threads USING btree (workspace_id, last_message_at DESC, id DESC);

CREATE INDEX email_threads_unread ON public.email_threads USING btree (workspace_id, last_message_at DESC, id DESC) WHERE (unread_count > 0);

CREATE INDEX gateway_customers_user_id_9152bb04 ON public.gateway_customers USING btree (user_id);

CREATE INDEX gateway_differences_purchase_id_0c36e230 ON public.gateway_differences USING btree (purchase_id);

CREATE INDEX gateway_plans_version_id_c2a10c90 ON public.gateway_plans USING btree (version_id);

CREATE UNIQUE INDEX inbound_events_razorpay_body ON public.inbound_events USING btree (sha256(payload)) WHERE ((source)::text = 'razorpay'::text);

CREATE INDEX inbound_events_workspace_id_2e9a7812 ON public.inbound_events USING btree (workspace_id);

CREATE INDEX inbox_folders_workspace_id_628c9206 ON public.inbox_folders USING btree (workspace_id);

CREATE UNIQUE INDEX inboxes_maildir_once ON public.inboxes USING btree (maildir_path) WHERE (NOT ((maildir_path)::text = ''::text));

CREATE INDEX invoice_counters_series_aa61932e_like ON public.invoice_counters USING btree (series varchar_pattern_ops);

CREATE INDEX knowledge_documents_created_by_id_077711c4 ON public.knowledge_documents USING btree (created_by_id);

CREATE INDEX knowledge_documents_inbox_id_79ec6247 ON public.knowledge_documents USING btree (inbox_id);

CREATE INDEX knowledge_documents_title ON public.knowledge_documents USING btree (workspace_id, title);

CREATE INDEX knowledge_passages_search ON public.knowledge_passages USING gin (search_vector);

CREATE INDEX knowledge_passages_workspace_id_bdbe23c9 ON public.knowledge_passages USING btree (workspace_id);

CREATE INDEX login_throttles_key_951e5779_like ON public.login_throttles USING btree (key varchar_pattern_ops);

CREATE INDEX manual_payments_recorded_by_id_a4936aa4 ON public.manual_payments USING btree (recorded_by_id);

CREATE INDEX manual_payments_reference_3aa87227_like ON public.manual_payments USING btree (reference varchar_pattern_ops);

CREATE INDEX one_time_links_user_id_5ed66344 ON public.one_time_links USING btree (user_id);

CREATE INDEX passkeys_user_id_0a34c61d ON public.passkeys USING btree (user_id);

CREATE INDEX sign_in_steps_expires_at_ebdea5df ON public.sign_in_steps USING btree (expires_at);

CREATE INDEX sign_in_steps_user_id_e868c82e ON public.sign_in_steps USING btree (user_id);

CREATE INDEX stored_files_sha256 ON public.stored_files USING btree (sha256);

CREATE INDEX subscription_events_newest ON public.subscription_events USING btree (user_id, id DESC);

CREATE UNIQUE INDEX subscription_orders_one_open ON public.subscription_orders USING btree (user_id, kind) WHERE ((status)::text = ANY ((ARRAY['pending'::character varying, 'received'::character varying])::text[]));

CREATE UNIQUE INDEX subscription_orders_order_once ON public.subscription_orders USING btree (gateway, gateway_id) WHERE (NOT ((gateway_id)::text = ''::text));

CREATE INDEX subscription_orders_pending ON public.subscription_orders USING btree (created_at) WHERE ((status)::text = 'pending'::text);

CREATE INDEX subscription_orders_reference_4c6eba38_like ON public.subscription_orders USING btree (reference varchar_pattern_ops);

CREATE INDEX subscription_orders_user_id_24ca1f48 ON public.subscription_orders USING btree (user_id);

CREATE INDEX subscription_orders_version_id_c30e62c6 ON public.subscription_orders USING btree (version_id);

CREATE UNIQUE INDEX subscription_payments_period_once ON public.subscription_payments USING btree (contract, period_start) WHERE ((kind)::text = 'period'::text);

CREATE INDEX subscription_payments_user_id_3fb2bd39 ON public.subscription_payments USING btree (user_id);

CREATE INDEX subscription_payments_version_id_ccf9130e ON public.subscription_payments USING btree (version_id);

CREATE INDEX subscription_plan_versions_plan_id_1cb75611 ON public.subscription_plan_versions USING btree (plan_id);

CREATE INDEX subscription_refunds_member_id_5746cc4a ON public.subscription_refunds USING btree (member_id);

CREATE INDEX subscription_refunds_payment_id_c0ff8586 ON public.subscription_refunds USING btree (payment_id);

CREATE INDEX subscription_refunds_pending ON public.subscription_refunds USING btree (created_at) WHERE ((status)::text = 'pending'::text);

CREATE INDEX subscription_refunds_reference_6ab97473_like ON public.subscription_refunds USING btree (reference varchar_pattern_ops);

CREATE UNIQUE INDEX tags_once ON public.tags USING btree (workspace_id, lower((name)::text));

CREATE INDEX thread_inboxes_newest ON public.thread_inboxes USING btree (inbox_id, last_message_at DESC, thread_id DESC);

CREATE INDEX thread_inboxes_unread ON public.thread_inboxes USING btree (inbox_id, last_message_at DESC, thread_id DESC) INCLUDE (workspace_id) WHERE (unread_count > 0);

CREATE INDEX thread_references_thread_id_88743ff0 ON public.thread_references USING btree (thread_id);

CREATE UNIQUE INDEX token_ledger_credited_once ON public.token_ledger USING btree (user_id, kind, cause) WHERE ((kind)::text = ANY ((ARRAY['grant'::character varying, 'purchase'::character varying, 'bonus'::character varying, 'refund'::character varying])::text[]));

CREATE INDEX token_ledger_member_id_bdb9e82a ON public.token_ledger USING btree (member_id);

CREATE INDEX token_ledger_newest ON public.token_ledger USING btree (user_id, id DESC);

CREATE INDEX token_ledger_user_id_6cc426e8 ON public.token_ledger USING btree (user_id);

CREATE INDEX token_lots_unspent ON public.token_lots USING btree (user_id, expires_at) WHERE (remaining > 0);

CREATE INDEX token_refunds_member_id_c3567e7b ON public.token_refunds USING btree (member_id);

CREATE INDEX token_refunds_purchase_id_49e6fd0d ON public.token_refunds USING btree (purchase_id);

CREATE INDEX token_refunds_reference_b4f25f20_like ON public.token_refunds USING btree (reference varchar_pattern_ops);

CREATE INDEX token_reservations_expires_at_2ac5a65c ON public.token_reservations USING btree (expires_at);

CREATE INDEX token_reservations_member_id_f93eda27 ON public.token_reservations USING btree (member_id);

CREATE INDEX token_reservations_user_id_b1fee63d ON public.token_reservations USING btree (user_id);

CREATE INDEX token_reservations_workspace_id_4ea6b903 ON public.token_reservations USING btree (workspace_id);

CREATE INDEX trusted_devices_session_id_569b432c ON public.trusted_devices USING btree (session_id);

CREATE INDEX trusted_devices_user_id_98526639 ON public.trusted_devices USING btree (user_id);

CREATE INDEX usage_notices_in_app ON public.usage_notices USING btree (user_id, id DESC) WHERE in_app;

CREATE INDEX usage_notices_unseen ON public.usage_notices USING btree (user_id) WHERE (in_app AND (seen_at IS NULL));

CREATE INDEX usage_notices_user_id_234c9087 ON public.usage_notices USING btree (user_id);

CREATE INDEX usage_notices_workspace_id_d5211586 ON public.usage_notices USING btree (workspace_id);

CREATE INDEX user_identities_user_id_86f4c8e6 ON public.user_identities USING btree (user_id);

CREATE INDEX workspace_invitations_invited_by_id_9283daf5 ON public.workspace_invitations USING btree (invited_by_id);

CREATE UNIQUE INDEX workspace_invitations_one_open ON public.workspace_invitations USING btree (workspace_id, email) WHERE ((accepted_at IS NULL) AND (revoked_at IS NULL));

CREATE INDEX workspace_invitations_workspace_id_c67db95c ON public.workspace_invitations USING btree (workspace_id);

CREATE INDEX workspace_members_user_id_b4ccc11d ON public.workspace_members USING btree (user_id);

CREATE INDEX workspaces_owner_id_d7117e4b ON public.workspaces USING btree (owner_id);

CREATE TRIGGER activity_append_only BEFORE DELETE OR UPDATE ON public.activity FOR EACH ROW EXECUTE FUNCTION public.convergio_keep_activity();

CREATE TRIGGER credit_notes_frozen BEFORE DELETE OR UPDATE ON public.credit_notes FOR EACH ROW EXECUTE FUNCTION public.convergio_keep_credit_note();

CREATE TRIGGER subscription_events_append_only BEFORE DELETE OR UPDATE ON public.subscription_events FOR EACH ROW EXECUTE FUNCTION public.convergio_keep_subscriptions();

CREATE TRIGGER subscription_plan_versions_frozen BEFORE DELETE OR UPDATE ON public.subscription_plan_versions FOR EACH ROW EXECUTE FUNCTION public.convergio_keep_subscriptions();

CREATE TRIGGER token_ledger_append_only BEFORE DELETE OR UPDATE ON public.token_ledger FOR EACH ROW EXECUTE FUNCTION public.convergio_keep_ledger();

ALTER TABLE ONLY public.activity
    ADD CONSTRAINT activity_workspace_id_efc63b80_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.ai_stops
    ADD CONSTRAINT ai_stops_workspace_id_e6dc5a15_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.app_settings
    ADD CONSTRAINT app_settings_workspace_id_95141bdd_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_deliveries
    ADD CONSTRAINT email_deliveries_folder_id_a71e2c9d_fk_inbox_folders_id FOREIGN KEY (folder_id) REFERENCES public.inbox_folders(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_deliveries
    ADD CONSTRAINT email_deliveries_inbox_id_71e58aee_fk_inboxes_id FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_deliveries
    ADD CONSTRAINT email_deliveries_workspace_id_13fba1c4_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_drafts
    ADD CONSTRAINT email_drafts_inbox_id_1b338f0a_fk_inboxes_id FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_drafts
    ADD CONSTRAINT email_drafts_thread_id_683b06a7_fk_email_threads_id FOREIGN KEY (thread_id) REFERENCES public.email_threads(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_drafts
    ADD CONSTRAINT email_drafts_workspace_id_15afabdf_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_threads
    ADD CONSTRAINT email_threads_workspace_id_d9f41be5_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.gateway_plans
    ADD CONSTRAINT gateway_plans_version_id_c2a10c90_fk_subscript FOREIGN KEY (version_id) REFERENCES public.subscription_plan_versions(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_workspace_id_725d987f_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inbound_events
    ADD CONSTRAINT inbound_events_workspace_id_2e9a7812_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inbox_folders
    ADD CONSTRAINT inbox_folders_inbox_id_b8a5494e_fk_inboxes_id FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inbox_folders
    ADD CONSTRAINT inbox_folders_workspace_id_628c9206_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.inboxes
    ADD CONSTRAINT inboxes_workspace_id_d6178865_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.knowledge_documents
    ADD CONSTRAINT knowledge_documents_inbox_id_79ec6247_fk_inboxes_id FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.knowledge_documents
    ADD CONSTRAINT knowledge_documents_workspace_id_67eeaaeb_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.knowledge_passages
    ADD CONSTRAINT knowledge_passages_document_id_70068144_fk_knowledge FOREIGN KEY (document_id) REFERENCES public.knowledge_documents(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.knowledge_passages
    ADD CONSTRAINT knowledge_passages_workspace_id_bdbe23c9_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.stored_files
    ADD CONSTRAINT stored_files_workspace_id_ff7e61e3_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.subscription_orders
    ADD CONSTRAINT subscription_orders_version_id_c30e62c6_fk_subscript FOREIGN KEY (version_id) REFERENCES public.subscription_plan_versions(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.subscription_payments
    ADD CONSTRAINT subscription_payment_version_id_ccf9130e_fk_subscript FOREIGN KEY (version_id) REFERENCES public.subscription_plan_versions(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.subscription_refunds
    ADD CONSTRAINT subscription_refunds_payment_id_c0ff8586_fk_subscript FOREIGN KEY (payment_id) REFERENCES public.subscription_payments(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_workspace_id_a3a99045_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.thread_inboxes
    ADD CONSTRAINT thread_inboxes_inbox_id_86dbe850_fk_inboxes_id FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.thread_inboxes
    ADD CONSTRAINT thread_inboxes_thread_id_c2eb55f8_fk_email_threads_id FOREIGN KEY (thread_id) REFERENCES public.email_threads(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.thread_inboxes
    ADD CONSTRAINT thread_inboxes_workspace_id_dee7fca7_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.thread_references
    ADD CONSTRAINT thread_references_inbox_id_23df729d_fk_inboxes_id FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.thread_references
    ADD CONSTRAINT thread_references_thread_id_88743ff0_fk_email_threads_id FOREIGN KEY (thread_id) REFERENCES public.email_threads(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.thread_references
    ADD CONSTRAINT thread_references_workspace_id_51238a9c_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.token_lots
    ADD CONSTRAINT token_lots_entry_id_24913ce4_fk_token_ledger_id FOREIGN KEY (entry_id) REFERENCES public.token_ledger(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.token_reservations
    ADD CONSTRAINT token_reservations_workspace_id_4ea6b903_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.usage_notices
    ADD CONSTRAINT usage_notices_workspace_id_d5211586_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspace_invitations
    ADD CONSTRAINT workspace_invitations_workspace_id_c67db95c_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.workspace_members
    ADD CONSTRAINT workspace_members_workspace_id_3a96620d_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE public.activity ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.app_settings ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_deliveries ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_drafts ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.email_threads ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.idempotency_keys ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.inbox_folders ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.inboxes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.knowledge_documents ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.knowledge_passages ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.stored_files ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tags ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.thread_inboxes ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.thread_references ENABLE ROW LEVEL SECURITY;

CREATE POLICY workspace_scope ON public.activity USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.app_settings USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.email_deliveries USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.email_drafts USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.email_threads USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.idempotency_keys USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.inbox_folders USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.inboxes USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.knowledge_documents USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.knowledge_passages USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.stored_files USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.tags USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.thread_inboxes USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.thread_references USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));
