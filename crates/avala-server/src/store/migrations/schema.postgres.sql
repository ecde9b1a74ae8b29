-- What the migrations lead to. Written by `cargo xtask gen`.

CREATE TABLE agent_executions (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    registration text NOT NULL,
    event_type text NOT NULL,
    task text,
    result text,
    status text NOT NULL,
    action text,
    event_payload text NOT NULL,
    response_payload text,
    started_at bigint,
    completed_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    project text,
    task_type text,
    CONSTRAINT agent_executions_pkey PRIMARY KEY ("position"),
    CONSTRAINT agent_executions_registration_fkey FOREIGN KEY (registration) REFERENCES agents(uid) ON DELETE CASCADE,
    CONSTRAINT agent_executions_uid_key UNIQUE (uid)
);
CREATE TABLE agents (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    name text NOT NULL,
    description text,
    events text NOT NULL,
    callback_url text,
    is_active boolean NOT NULL,
    project text,
    task_types text NOT NULL,
    secret bytea NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT agents_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT agents_organization_name_key UNIQUE (organization, name),
    CONSTRAINT agents_pkey PRIMARY KEY ("position"),
    CONSTRAINT agents_uid_key UNIQUE (uid)
);
CREATE TABLE api_keys (
    id text NOT NULL,
    class text NOT NULL,
    owner text NOT NULL,
    organization text NOT NULL,
    name text NOT NULL,
    mac bytea NOT NULL,
    access text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint,
    revoked_at bigint,
    seq bigint NOT NULL,
    seal bytea NOT NULL,
    CONSTRAINT api_keys_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid),
    CONSTRAINT api_keys_owner_fkey FOREIGN KEY (owner) REFERENCES users(uid),
    CONSTRAINT api_keys_pkey PRIMARY KEY (id)
);
CREATE TABLE audit (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    at bigint NOT NULL,
    actor_kind text NOT NULL,
    actor_key text,
    actor_user text,
    action text NOT NULL,
    object text NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY ("position")
);
CREATE TABLE memberships (
    organization text NOT NULL,
    "user" text NOT NULL,
    role text NOT NULL,
    joined_at bigint NOT NULL,
    CONSTRAINT memberships_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT memberships_pkey PRIMARY KEY ("user", organization),
    CONSTRAINT memberships_user_fkey FOREIGN KEY ("user") REFERENCES users(uid) ON DELETE CASCADE
);
CREATE TABLE meta (
    only_row bigint NOT NULL,
    seq bigint NOT NULL,
    class text NOT NULL,
    pepper_check bytea NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT meta_only_row_check CHECK ((only_row = 1)),
    CONSTRAINT meta_pkey PRIMARY KEY (only_row)
);
CREATE TABLE organizations (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT organizations_pkey PRIMARY KEY ("position"),
    CONSTRAINT organizations_slug_key UNIQUE (slug),
    CONSTRAINT organizations_uid_key UNIQUE (uid)
);
CREATE TABLE schema_version (
    only_row bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT schema_version_only_row_check CHECK ((only_row = 1)),
    CONSTRAINT schema_version_pkey PRIMARY KEY (only_row)
);
CREATE TABLE users (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    email text NOT NULL,
    first_name text,
    last_name text,
    password_hash text,
    created_at bigint NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY ("position"),
    CONSTRAINT users_uid_key UNIQUE (uid)
);
CREATE TABLE webhook_deliveries (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    subscription text NOT NULL,
    event_type text NOT NULL,
    payload text NOT NULL,
    response_status bigint,
    response_body text,
    attempts bigint NOT NULL,
    status text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT webhook_deliveries_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_pkey PRIMARY KEY ("position"),
    CONSTRAINT webhook_deliveries_subscription_fkey FOREIGN KEY (subscription) REFERENCES webhooks(uid) ON DELETE CASCADE,
    CONSTRAINT webhook_deliveries_uid_key UNIQUE (uid)
);
CREATE TABLE webhooks (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    target_url text NOT NULL,
    events text NOT NULL,
    is_active boolean NOT NULL,
    secret bytea NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT webhooks_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT webhooks_pkey PRIMARY KEY ("position"),
    CONSTRAINT webhooks_uid_key UNIQUE (uid)
);
CREATE INDEX agent_executions_by_registration ON public.agent_executions USING btree (registration, "position");
CREATE INDEX agents_by_organization ON public.agents USING btree (organization, "position");
CREATE INDEX api_keys_by_seq ON public.api_keys USING btree (seq);
CREATE INDEX audit_of_revocations ON public.audit USING btree (object) WHERE (action = 'api_key.revoke'::text);
CREATE UNIQUE INDEX users_by_email ON public.users USING btree (lower(email));
CREATE INDEX webhook_deliveries_by_organization ON public.webhook_deliveries USING btree (organization, "position");
CREATE INDEX webhook_deliveries_by_subscription ON public.webhook_deliveries USING btree (subscription);
CREATE INDEX webhooks_by_organization ON public.webhooks USING btree (organization, "position");
