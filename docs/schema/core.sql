-- Written by `make schema` from the migrations; see the comments on tables and columns.

CREATE TABLE public.auto_replies (
    id bigint NOT NULL,
    reply_text text NOT NULL,
    reply_html text DEFAULT ''::text NOT NULL,
    ai_model character varying(100) NOT NULL,
    status character varying(20) DEFAULT 'drafted'::character varying NOT NULL,
    citations jsonb DEFAULT '[]'::jsonb NOT NULL,
    confidence double precision,
    handover_reason text DEFAULT ''::text NOT NULL,
    input_tokens integer DEFAULT 0 NOT NULL,
    output_tokens integer DEFAULT 0 NOT NULL,
    cost bigint DEFAULT 0 NOT NULL,
    sent_at timestamp with time zone,
    reviewed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    reviewed_by_id bigint,
    workspace_id bigint NOT NULL,
    email_id bigint NOT NULL,
    sent_email_id bigint,
    thread_id bigint NOT NULL,
    inbox_id bigint NOT NULL,
    stopped_by character varying(20) DEFAULT ''::character varying NOT NULL,
    usage_id bigint
);

ALTER TABLE ONLY public.auto_replies FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.auto_replies IS 'Replies a machine wrote, with what they rest on and who decided';

COMMENT ON COLUMN public.auto_replies.reply_text IS 'Plain text';

COMMENT ON COLUMN public.auto_replies.reply_html IS 'Same, as HTML, when a person edited it';

COMMENT ON COLUMN public.auto_replies.ai_model IS 'offline: no model, quoted passages only';

COMMENT ON COLUMN public.auto_replies.status IS 'drafted | approved | sending | sent | rejected | failed | uncertain | superseded';

COMMENT ON COLUMN public.auto_replies.citations IS '[{"document_id","title","heading","quote","score"}]';

COMMENT ON COLUMN public.auto_replies.confidence IS '0 to 1; NULL without a model';

COMMENT ON COLUMN public.auto_replies.handover_reason IS 'Why a person should look';

COMMENT ON COLUMN public.auto_replies.input_tokens IS 'Tokens read';

COMMENT ON COLUMN public.auto_replies.output_tokens IS 'Tokens written';

COMMENT ON COLUMN public.auto_replies.cost IS 'Paise';

COMMENT ON COLUMN public.auto_replies.sent_at IS 'When the server took it';

COMMENT ON COLUMN public.auto_replies.reviewed_at IS 'When';

COMMENT ON COLUMN public.auto_replies.created_at IS 'When the row was made';

COMMENT ON COLUMN public.auto_replies.updated_at IS 'When the row last changed';

COMMENT ON COLUMN public.auto_replies.reviewed_by_id IS 'Who';

COMMENT ON COLUMN public.auto_replies.workspace_id IS 'Owning workspace';

COMMENT ON COLUMN public.auto_replies.email_id IS 'What it answers';

COMMENT ON COLUMN public.auto_replies.sent_email_id IS 'What went out';

COMMENT ON COLUMN public.auto_replies.thread_id IS 'Its conversation';

COMMENT ON COLUMN public.auto_replies.inbox_id IS 'Where it goes out';

COMMENT ON COLUMN public.auto_replies.stopped_by IS 'tokens | emails | ai_replies: the limit that kept the model from writing it';

COMMENT ON COLUMN public.auto_replies.usage_id IS 'The latest call for it';

CREATE TABLE public.emails (
    id bigint NOT NULL,
    message_id character varying(500) NOT NULL,
    message_id_header text,
    from_address character varying(255) DEFAULT ''::character varying NOT NULL,
    from_name character varying(255) DEFAULT ''::character varying NOT NULL,
    to_address character varying(255) DEFAULT ''::character varying NOT NULL,
    recipients jsonb DEFAULT '{}'::jsonb NOT NULL,
    subject text DEFAULT ''::text NOT NULL,
    body_text text DEFAULT ''::text NOT NULL,
    body_html text,
    snippet character varying(255) DEFAULT ''::character varying NOT NULL,
    tag character varying(50) DEFAULT ''::character varying NOT NULL,
    direction character varying(20) NOT NULL,
    attachments jsonb DEFAULT '[]'::jsonb NOT NULL,
    received_at timestamp with time zone NOT NULL,
    date_header timestamp with time zone,
    in_reply_to character varying(500) DEFAULT ''::character varying NOT NULL,
    "references" jsonb DEFAULT '[]'::jsonb NOT NULL,
    return_path character varying(255),
    list_id character varying(255) DEFAULT ''::character varying NOT NULL,
    is_read boolean DEFAULT false NOT NULL,
    raw_source bytea NOT NULL,
    content_hash bytea NOT NULL,
    parse_error text,
    reply_allowed boolean DEFAULT false NOT NULL,
    reply_reason character varying(50) DEFAULT ''::character varying NOT NULL,
    reply_rule text DEFAULT ''::text NOT NULL,
    is_backfill boolean DEFAULT false NOT NULL,
    is_automatic boolean DEFAULT false NOT NULL,
    delivery_state character varying(20),
    outbox_key character varying(255),
    send_after timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    data_sent_at timestamp with time zone,
    last_error text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    sent_by_id bigint,
    workspace_id bigint NOT NULL,
    thread_id bigint NOT NULL,
    search_vector tsvector GENERATED ALWAYS AS (((setweight(to_tsvector('simple'::regconfig, "left"(subject, 1000)), 'A'::"char") || setweight(to_tsvector('simple'::regconfig, "left"(((((((from_name)::text || ' '::text) || (from_address)::text) || ' '::text) || (to_address)::text) || translate((((' '::text || (from_address)::text) || ' '::text) || (to_address)::text), '@.-_+'::text, '     '::text)), 2000)), 'B'::"char")) || to_tsvector('simple'::regconfig, "left"(body_text, 200000)))) STORED,
    delivery_results jsonb DEFAULT '{}'::jsonb NOT NULL,
    CONSTRAINT emails_delivery_state CHECK (((delivery_state IS NULL) OR ((delivery_state)::text = ANY ((ARRAY['queued'::character varying, 'sending'::character varying, 'sent'::character varying, 'failed'::character varying, 'uncertain'::character varying, 'cancelled'::character varying])::text[])))),
    CONSTRAINT emails_direction CHECK (((direction)::text = ANY ((ARRAY['inbound'::character varying, 'outbound'::character varying])::text[])))
);

ALTER TABLE ONLY public.emails FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.emails IS 'Messages in and out, one row each, however many inboxes got them';

COMMENT ON COLUMN public.emails.message_id IS 'Key inside the workspace: the Message-ID, or sha256:<hex> where it cannot serve';

COMMENT ON COLUMN public.emails.message_id_header IS 'Message-ID as it stood in the message';

COMMENT ON COLUMN public.emails.from_address IS 'Lower case';

COMMENT ON COLUMN public.emails.from_name IS 'Display name';

COMMENT ON COLUMN public.emails.to_address IS 'The first recipient';

COMMENT ON COLUMN public.emails.recipients IS '{"to": [{"name","address"}], "cc": [...], "bcc": [...] (outbound only), "reply_to": [...]}';

COMMENT ON COLUMN public.emails.subject IS 'Decoded';

COMMENT ON COLUMN public.emails.body_text IS 'Plain text, made from the HTML where there is none';

COMMENT ON COLUMN public.emails.body_html IS 'As received; never shown unsanitised';

COMMENT ON COLUMN public.emails.snippet IS 'First words without quotes';

COMMENT ON COLUMN public.emails.tag IS 'Tag of the first inbox that got it';

COMMENT ON COLUMN public.emails.direction IS 'inbound | outbound';

COMMENT ON COLUMN public.emails.attachments IS '[{"filename","content_type","size" (bytes),"sha256","content_id","inline"}]';

COMMENT ON COLUMN public.emails.received_at IS 'INTERNALDATE (imap), take-up (maildir), topmost Received or Date (imports), sending (outbound)';

COMMENT ON COLUMN public.emails.date_header IS 'Date header';

COMMENT ON COLUMN public.emails.in_reply_to IS 'Parent''s Message-ID, no brackets';

COMMENT ON COLUMN public.emails."references" IS 'References, oldest first, no brackets';

COMMENT ON COLUMN public.emails.return_path IS 'Envelope sender; empty for <>';

COMMENT ON COLUMN public.emails.list_id IS 'List-Id';

COMMENT ON COLUMN public.emails.is_read IS 'A person has read it';

COMMENT ON COLUMN public.emails.raw_source IS 'The message as it came, byte for byte';

COMMENT ON COLUMN public.emails.content_hash IS 'SHA-256 of From, Date, Subject and body with line ends made equal';

COMMENT ON COLUMN public.emails.parse_error IS 'Why it is shown raw';

COMMENT ON COLUMN public.emails.reply_allowed IS 'May it be answered automatically (rules 31-36)';

COMMENT ON COLUMN public.emails.reply_reason IS 'Stable code of the verdict';

COMMENT ON COLUMN public.emails.reply_rule IS 'The verdict in a sentence';

COMMENT ON COLUMN public.emails.is_backfill IS 'Came by a first sync or import (rule 13)';

COMMENT ON COLUMN public.emails.is_automatic IS 'Outbound: a machine sent it without approval';

COMMENT ON COLUMN public.emails.delivery_state IS 'Outbound: queued | sending | sent | failed | uncertain | cancelled';

COMMENT ON COLUMN public.emails.outbox_key IS 'What it answers, by which rule, to whom; makes sending single (rule 42)';

COMMENT ON COLUMN public.emails.send_after IS 'End of the undo window, or of the wait for a retry';

COMMENT ON COLUMN public.emails.attempts IS 'Tries to send';

COMMENT ON COLUMN public.emails.data_sent_at IS 'Set right before the final dot: may be delivered since';

COMMENT ON COLUMN public.emails.last_error IS 'Of the last try, a sentence';

COMMENT ON COLUMN public.emails.created_at IS 'When the row was made';

COMMENT ON COLUMN public.emails.sent_by_id IS 'Who wrote or approved it';

COMMENT ON COLUMN public.emails.workspace_id IS 'Owning workspace';

COMMENT ON COLUMN public.emails.thread_id IS 'Its conversation';

COMMENT ON COLUMN public.emails.search_vector IS 'Words of subject (A), people (B) and text';

COMMENT ON COLUMN public.emails.delivery_results IS 'Outbound: {"address": "accepted" or why not}; whoever is missing is still to be tried';

CREATE TABLE public.tasks (
    id bigint NOT NULL,
    title character varying(500) NOT NULL,
    description text DEFAULT ''::text NOT NULL,
    status character varying(50) DEFAULT 'todo'::character varying NOT NULL,
    priority character varying(20) DEFAULT 'medium'::character varying NOT NULL,
    source character varying(20) DEFAULT 'manual'::character varying NOT NULL,
    due_at timestamp with time zone,
    "position" double precision DEFAULT 0.0 NOT NULL,
    tag character varying(50) DEFAULT ''::character varying NOT NULL,
    completed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    updated_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    assignee_id bigint,
    created_by_id bigint,
    email_id bigint,
    workspace_id bigint NOT NULL,
    CONSTRAINT tasks_completed_at_follows_status CHECK ((((completed_at IS NOT NULL) AND ((status)::text = 'done'::text)) OR ((NOT ((status)::text = 'done'::text)) AND (completed_at IS NULL)))),
    CONSTRAINT tasks_priority CHECK (((priority)::text = ANY ((ARRAY['low'::character varying, 'medium'::character varying, 'high'::character varying, 'urgent'::character varying])::text[]))),
    CONSTRAINT tasks_source CHECK (((source)::text = ANY ((ARRAY['commboost'::character varying, 'streamboost'::character varying, 'audits'::character varying, 'calendar'::character varying, 'manual'::character varying, 'api'::character varying])::text[]))),
    CONSTRAINT tasks_status CHECK (((status)::text = ANY ((ARRAY['todo'::character varying, 'in_progress'::character varying, 'done'::character varying])::text[])))
);

ALTER TABLE ONLY public.tasks FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.tasks IS 'Work to do; every inbound mail becomes a task';

COMMENT ON COLUMN public.tasks.title IS 'What is to be done, from the mail''s subject';

COMMENT ON COLUMN public.tasks.description IS 'Notes, plain text';

COMMENT ON COLUMN public.tasks.status IS 'todo | in_progress | done';

COMMENT ON COLUMN public.tasks.priority IS 'low | medium | high | urgent';

COMMENT ON COLUMN public.tasks.source IS 'commboost | streamboost | audits | calendar | manual | api';

COMMENT ON COLUMN public.tasks.due_at IS 'When it should be done';

COMMENT ON COLUMN public.tasks."position" IS 'Place on the board, smaller is higher';

COMMENT ON COLUMN public.tasks.tag IS 'Tag of the inbox it came from';

COMMENT ON COLUMN public.tasks.completed_at IS 'Set and cleared by the change of status';

COMMENT ON COLUMN public.tasks.created_at IS 'When the row was made';

COMMENT ON COLUMN public.tasks.updated_at IS 'When the row last changed';

COMMENT ON COLUMN public.tasks.assignee_id IS 'Who does it';

COMMENT ON COLUMN public.tasks.created_by_id IS 'Who made it; NULL for machines';

COMMENT ON COLUMN public.tasks.email_id IS 'The mail it came from';

COMMENT ON COLUMN public.tasks.workspace_id IS 'Owning workspace';

ALTER TABLE public.auto_replies ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.auto_replies_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.digital_audits (
    id bigint NOT NULL,
    website_url character varying(500) NOT NULL,
    kind character varying(20) DEFAULT 'digital'::character varying NOT NULL,
    status character varying(50) DEFAULT 'pending'::character varying NOT NULL,
    progress integer DEFAULT 0 NOT NULL,
    overall_score integer,
    audit_results jsonb DEFAULT '{}'::jsonb NOT NULL,
    business_details jsonb DEFAULT '{}'::jsonb NOT NULL,
    engine_version character varying(20) DEFAULT ''::character varying NOT NULL,
    error text DEFAULT ''::text NOT NULL,
    started_at timestamp with time zone,
    completed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    created_by_id bigint,
    workspace_id bigint NOT NULL,
    CONSTRAINT digital_audits_score CHECK (((overall_score IS NULL) OR ((overall_score >= 0) AND (overall_score <= 100)))),
    CONSTRAINT digital_audits_status CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'processing'::character varying, 'completed'::character varying, 'failed'::character varying])::text[])))
);

ALTER TABLE ONLY public.digital_audits FORCE ROW LEVEL SECURITY;

COMMENT ON TABLE public.digital_audits IS 'Audits of websites';

COMMENT ON COLUMN public.digital_audits.website_url IS 'Address that was audited';

COMMENT ON COLUMN public.digital_audits.kind IS 'digital | security | video';

COMMENT ON COLUMN public.digital_audits.status IS 'pending | processing | completed | failed';

COMMENT ON COLUMN public.digital_audits.progress IS 'Percent';

COMMENT ON COLUMN public.digital_audits.overall_score IS '0 to 100';

COMMENT ON COLUMN public.digital_audits.audit_results IS 'Findings and recommendations of the run';

COMMENT ON COLUMN public.digital_audits.business_details IS 'What was told about the business behind the website';

COMMENT ON COLUMN public.digital_audits.engine_version IS 'Of the rules it was judged by';

COMMENT ON COLUMN public.digital_audits.error IS 'Why it failed, a sentence';

COMMENT ON COLUMN public.digital_audits.started_at IS 'When a worker took it';

COMMENT ON COLUMN public.digital_audits.completed_at IS 'When it was done or failed';

COMMENT ON COLUMN public.digital_audits.created_at IS 'When the row was made';

COMMENT ON COLUMN public.digital_audits.created_by_id IS 'Who asked for it';

COMMENT ON COLUMN public.digital_audits.workspace_id IS 'Owning workspace';

ALTER TABLE public.digital_audits ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.digital_audits_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.emails ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.emails_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.tasks ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (
    SEQUENCE NAME public.tasks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.digital_audits
    ADD CONSTRAINT digital_audits_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_message_id_once UNIQUE (workspace_id, message_id);

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);

CREATE INDEX auto_replies_by_status ON public.auto_replies USING btree (workspace_id, status, id DESC);

CREATE INDEX auto_replies_email_id_d768eb56 ON public.auto_replies USING btree (email_id);

CREATE INDEX auto_replies_in_thread ON public.auto_replies USING btree (thread_id, id DESC);

CREATE INDEX auto_replies_inbox_id_a9220526 ON public.auto_replies USING btree (inbox_id);

CREATE UNIQUE INDEX auto_replies_one_draft_per_thread ON public.auto_replies USING btree (thread_id) WHERE ((status)::text = 'drafted'::text);

CREATE INDEX auto_replies_reviewed_by_id_56ca1f89 ON public.auto_replies USING btree (reviewed_by_id);

CREATE INDEX auto_replies_sent_email_id_59657dd9 ON public.auto_replies USING btree (sent_email_id);

CREATE INDEX auto_replies_usage_id_8077f920 ON public.auto_replies USING btree (usage_id);

CREATE INDEX digital_audits_created_by_id_79e1fc4a ON public.digital_audits USING btree (created_by_id);

CREATE INDEX digital_audits_newest ON public.digital_audits USING btree (workspace_id, id DESC);

CREATE INDEX emails_by_person ON public.emails USING btree (sent_by_id) WHERE (sent_by_id IS NOT NULL);

CREATE INDEX emails_by_sender ON public.emails USING btree (workspace_id, from_address);

CREATE INDEX emails_in_thread ON public.emails USING btree (thread_id, received_at DESC, id DESC);

CREATE INDEX emails_newest ON public.emails USING btree (workspace_id, received_at DESC, id DESC);

CREATE INDEX emails_outbox ON public.emails USING btree (workspace_id, send_after) WHERE ((delivery_state)::text = ANY ((ARRAY['queued'::character varying, 'sending'::character varying])::text[]));

CREATE UNIQUE INDEX emails_outbox_key_once ON public.emails USING btree (workspace_id, outbox_key) WHERE (outbox_key IS NOT NULL);

CREATE INDEX emails_search ON public.emails USING gin (workspace_id, search_vector);

CREATE INDEX emails_sent ON public.emails USING btree (workspace_id, received_at DESC, id DESC) WHERE ((direction)::text = 'outbound'::text);

CREATE INDEX tasks_assignee_id_7880b7f5 ON public.tasks USING btree (assignee_id);

CREATE INDEX tasks_board ON public.tasks USING btree (workspace_id, status, "position", id);

CREATE INDEX tasks_created_by_id_454154e7 ON public.tasks USING btree (created_by_id);

CREATE INDEX tasks_email_id_f2620e68 ON public.tasks USING btree (email_id);

CREATE INDEX tasks_newest ON public.tasks USING btree (workspace_id, id DESC);

CREATE UNIQUE INDEX tasks_one_per_email ON public.tasks USING btree (email_id) WHERE ((source)::text = 'commboost'::text);

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_email_id_d768eb56_fk_emails_id FOREIGN KEY (email_id) REFERENCES public.emails(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_inbox_id_a9220526_fk_inboxes_id FOREIGN KEY (inbox_id) REFERENCES public.inboxes(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_reviewed_by_id_56ca1f89_fk_users_id FOREIGN KEY (reviewed_by_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_sent_email_id_59657dd9_fk_emails_id FOREIGN KEY (sent_email_id) REFERENCES public.emails(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_thread_id_24449d74_fk_email_threads_id FOREIGN KEY (thread_id) REFERENCES public.email_threads(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_usage_id_8077f920_fk_token_usage_id FOREIGN KEY (usage_id) REFERENCES public.token_usage(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.auto_replies
    ADD CONSTRAINT auto_replies_workspace_id_dd2efea5_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.digital_audits
    ADD CONSTRAINT digital_audits_created_by_id_79e1fc4a_fk_users_id FOREIGN KEY (created_by_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.digital_audits
    ADD CONSTRAINT digital_audits_workspace_id_27c1bfbc_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.email_deliveries
    ADD CONSTRAINT email_deliveries_email_id_2a6229e2_fk_emails_id FOREIGN KEY (email_id) REFERENCES public.emails(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_sent_by_id_d1ad2a48_fk_users_id FOREIGN KEY (sent_by_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_thread_id_8ff2fefc_fk_email_threads_id FOREIGN KEY (thread_id) REFERENCES public.email_threads(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.emails
    ADD CONSTRAINT emails_workspace_id_2f1e01dc_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_assignee_id_7880b7f5_fk_users_id FOREIGN KEY (assignee_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_created_by_id_454154e7_fk_users_id FOREIGN KEY (created_by_id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_email_id_f2620e68_fk_emails_id FOREIGN KEY (email_id) REFERENCES public.emails(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_workspace_id_10a9a6d4_fk_workspaces_id FOREIGN KEY (workspace_id) REFERENCES public.workspaces(id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE public.auto_replies ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.digital_audits ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.emails ENABLE ROW LEVEL SECURITY;

ALTER TABLE public.tasks ENABLE ROW LEVEL SECURITY;

CREATE POLICY workspace_scope ON public.auto_replies USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.digital_audits USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.emails USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));

CREATE POLICY workspace_scope ON public.tasks USING ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint)) WITH CHECK ((workspace_id = (NULLIF(current_setting('convergio.workspace_id'::text, true), ''::text))::bigint));
