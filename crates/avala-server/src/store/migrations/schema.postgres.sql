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
    "position" bigint DEFAULT 0 NOT NULL,
    environment text,
    networks text DEFAULT '[]'::text NOT NULL,
    created_by text,
    disabled_at bigint,
    revoked_by text,
    revoked_reason text,
    rotated_from text,
    rotated_to text,
    grace_until bigint,
    pepper bigint DEFAULT 1 NOT NULL,
    role text DEFAULT 'owner'::text NOT NULL,
    suspended_at bigint,
    is_legacy boolean DEFAULT false NOT NULL,
    muted_hints text DEFAULT '[]'::text NOT NULL,
    resources text,
    CONSTRAINT api_keys_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid),
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
    seq bigint,
    hash bytea,
    organization text,
    code text,
    requests bigint,
    CONSTRAINT audit_pkey PRIMARY KEY ("position")
);
CREATE TABLE auto_label_jobs (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    project text NOT NULL,
    model_type text NOT NULL,
    confidence_threshold double precision NOT NULL,
    labels text NOT NULL,
    dry_run boolean NOT NULL,
    status text NOT NULL,
    total_items bigint NOT NULL,
    processed_items bigint NOT NULL,
    successful_items bigint NOT NULL,
    failed_items bigint NOT NULL,
    skipped_items bigint NOT NULL,
    error_message text,
    summary text,
    started_at bigint,
    completed_at bigint,
    created_at bigint NOT NULL,
    CONSTRAINT auto_label_jobs_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT auto_label_jobs_pkey PRIMARY KEY ("position"),
    CONSTRAINT auto_label_jobs_project_fkey FOREIGN KEY (project) REFERENCES projects(uid) ON DELETE CASCADE,
    CONSTRAINT auto_label_jobs_uid_key UNIQUE (uid)
);
CREATE TABLE datasets (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    name text NOT NULL,
    folded_name text NOT NULL,
    slug text NOT NULL,
    data_type text NOT NULL,
    visibility text NOT NULL,
    status text NOT NULL,
    item_count bigint NOT NULL,
    is_sequence boolean NOT NULL,
    predefined_labels text,
    metadata text,
    provider_config bytea,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT datasets_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT datasets_organization_slug_key UNIQUE (organization, slug),
    CONSTRAINT datasets_pkey PRIMARY KEY ("position"),
    CONSTRAINT datasets_uid_key UNIQUE (uid)
);
CREATE TABLE exports (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    name text,
    format text NOT NULL,
    filter_query_string text,
    projects text NOT NULL,
    datasets text NOT NULL,
    status text NOT NULL,
    total_task_count bigint,
    exported_task_count bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT exports_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT exports_pkey PRIMARY KEY ("position"),
    CONSTRAINT exports_uid_key UNIQUE (uid)
);
CREATE TABLE idempotency_keys (
    actor text NOT NULL,
    name text NOT NULL,
    request bytea NOT NULL,
    object text NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (actor, name)
);
CREATE TABLE inference_providers (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    name text NOT NULL,
    description text,
    provider_type text NOT NULL,
    config bytea NOT NULL,
    is_active boolean NOT NULL,
    project text,
    last_test_at bigint,
    last_test_success boolean,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT inference_providers_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT inference_providers_pkey PRIMARY KEY ("position"),
    CONSTRAINT inference_providers_project_fkey FOREIGN KEY (project) REFERENCES projects(uid) ON DELETE SET NULL,
    CONSTRAINT inference_providers_uid_key UNIQUE (uid)
);
CREATE TABLE jobs (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    kind text NOT NULL,
    object text NOT NULL,
    attempts bigint NOT NULL,
    holder text,
    due_at bigint NOT NULL,
    CONSTRAINT jobs_kind_object_key UNIQUE (kind, object),
    CONSTRAINT jobs_pkey PRIMARY KEY ("position")
);
CREATE TABLE key_changes_by_hand (
    transaction_id bigint NOT NULL,
    changes bigint NOT NULL,
    CONSTRAINT key_changes_by_hand_pkey PRIMARY KEY (transaction_id)
);
CREATE TABLE key_last_refusals (
    key_id text NOT NULL,
    at bigint NOT NULL,
    address text NOT NULL,
    agent text,
    CONSTRAINT key_last_refusals_pkey PRIMARY KEY (key_id)
);
CREATE TABLE key_last_uses (
    key_id text NOT NULL,
    at bigint NOT NULL,
    address text NOT NULL,
    agent text,
    CONSTRAINT key_last_uses_pkey PRIMARY KEY (key_id)
);
CREATE TABLE key_networks (
    key_id text NOT NULL,
    network text NOT NULL,
    first_used bigint NOT NULL,
    CONSTRAINT key_networks_pkey PRIMARY KEY (key_id, network)
);
CREATE TABLE key_policies (
    organization text NOT NULL,
    longest_life bigint,
    requires_expiry boolean NOT NULL,
    allowed_scopes text,
    most_keys bigint NOT NULL,
    CONSTRAINT key_policies_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT key_policies_pkey PRIMARY KEY (organization)
);
CREATE TABLE key_usage (
    key_id text NOT NULL,
    hour bigint NOT NULL,
    route_group text NOT NULL,
    outcome text NOT NULL,
    requests bigint NOT NULL,
    CONSTRAINT key_usage_pkey PRIMARY KEY (key_id, hour, route_group, outcome)
);
CREATE TABLE key_usage_days (
    key_id text NOT NULL,
    day bigint NOT NULL,
    route_group text NOT NULL,
    outcome text NOT NULL,
    requests bigint NOT NULL,
    CONSTRAINT key_usage_days_pkey PRIMARY KEY (key_id, day, route_group, outcome)
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
    created_at bigint NOT NULL,
    audit_start bigint DEFAULT 0 NOT NULL,
    audit_count bigint DEFAULT 0 NOT NULL,
    audit_head bytea DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'::bytea NOT NULL,
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
CREATE TABLE peppers (
    id bigint NOT NULL,
    check_value bytea NOT NULL,
    kept bytea,
    created_at bigint NOT NULL,
    begins_at bigint NOT NULL,
    retired_at bigint,
    CONSTRAINT peppers_pkey PRIMARY KEY (id)
);
CREATE TABLE projects (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    task_type text,
    visibility text NOT NULL,
    short_description text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT projects_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT projects_pkey PRIMARY KEY ("position"),
    CONSTRAINT projects_uid_key UNIQUE (uid)
);
CREATE TABLE results (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    task text NOT NULL,
    status text NOT NULL,
    data text NOT NULL,
    metadata text,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT results_pkey PRIMARY KEY ("position"),
    CONSTRAINT results_task_fkey FOREIGN KEY (task) REFERENCES tasks(uid) ON DELETE CASCADE,
    CONSTRAINT results_uid_key UNIQUE (uid)
);
CREATE TABLE schema_version (
    only_row bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT schema_version_only_row_check CHECK ((only_row = 1)),
    CONSTRAINT schema_version_pkey PRIMARY KEY (only_row)
);
CREATE TABLE service_accounts (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    disabled_at bigint,
    CONSTRAINT service_accounts_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT service_accounts_organization_name_key UNIQUE (organization, name),
    CONSTRAINT service_accounts_pkey PRIMARY KEY ("position"),
    CONSTRAINT service_accounts_uid_key UNIQUE (uid)
);
CREATE TABLE setup_tokens (
    only_row bigint NOT NULL,
    tag bytea NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT setup_tokens_only_row_check CHECK ((only_row = 1)),
    CONSTRAINT setup_tokens_pkey PRIMARY KEY (only_row)
);
CREATE TABLE storage_configs (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    name text NOT NULL,
    provider text NOT NULL,
    s3_bucket_name text,
    s3_bucket_region text,
    s3_bucket_prefix text,
    s3_auth_method text,
    s3_is_accelerated boolean NOT NULL,
    gc_storage_bucket_name text,
    gc_storage_prefix text,
    credentials bytea NOT NULL,
    is_verified boolean NOT NULL,
    last_verified_at bigint,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT storage_configs_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT storage_configs_pkey PRIMARY KEY ("position"),
    CONSTRAINT storage_configs_uid_key UNIQUE (uid)
);
CREATE TABLE tasks (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    organization text NOT NULL,
    project text NOT NULL,
    dataset text,
    type text,
    name text,
    status text NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    CONSTRAINT tasks_dataset_fkey FOREIGN KEY (dataset) REFERENCES datasets(uid) ON DELETE SET NULL,
    CONSTRAINT tasks_organization_fkey FOREIGN KEY (organization) REFERENCES organizations(uid) ON DELETE CASCADE,
    CONSTRAINT tasks_pkey PRIMARY KEY ("position"),
    CONSTRAINT tasks_project_fkey FOREIGN KEY (project) REFERENCES projects(uid) ON DELETE CASCADE,
    CONSTRAINT tasks_uid_key UNIQUE (uid)
);
CREATE TABLE users (
    "position" bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
    uid text NOT NULL,
    email text NOT NULL,
    first_name text,
    last_name text,
    password_hash text,
    created_at bigint NOT NULL,
    disabled_at bigint,
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
CREATE UNIQUE INDEX api_keys_by_legacy_mac ON public.api_keys USING btree (mac) WHERE is_legacy;
CREATE INDEX api_keys_by_organization ON public.api_keys USING btree (organization, "position");
CREATE INDEX api_keys_by_owner ON public.api_keys USING btree (owner);
CREATE UNIQUE INDEX api_keys_by_position ON public.api_keys USING btree ("position");
CREATE INDEX api_keys_by_seq ON public.api_keys USING btree (seq);
CREATE INDEX api_keys_in_force ON public.api_keys USING btree (organization, expires_at) WHERE (revoked_at IS NULL);
CREATE INDEX audit_by_organization ON public.audit USING btree (organization, "position") WHERE (organization IS NOT NULL);
CREATE INDEX audit_of_changes_to_keys ON public.audit USING btree (object, seq) WHERE (seq IS NOT NULL);
CREATE INDEX audit_of_revocations ON public.audit USING btree (object) WHERE (action = 'api_key.revoke'::text);
CREATE INDEX auto_label_jobs_by_organization ON public.auto_label_jobs USING btree (organization, "position");
CREATE INDEX auto_label_jobs_by_project ON public.auto_label_jobs USING btree (project, "position");
CREATE INDEX datasets_by_organization ON public.datasets USING btree (organization, "position");
CREATE INDEX exports_by_organization ON public.exports USING btree (organization, "position");
CREATE INDEX idempotency_keys_by_age ON public.idempotency_keys USING btree (created_at);
CREATE INDEX inference_providers_by_organization ON public.inference_providers USING btree (organization, "position");
CREATE INDEX inference_providers_by_project ON public.inference_providers USING btree (project);
CREATE INDEX jobs_by_due_at ON public.jobs USING btree (due_at);
CREATE INDEX key_usage_by_hour ON public.key_usage USING btree (hour);
CREATE INDEX key_usage_days_by_day ON public.key_usage_days USING btree (day);
CREATE INDEX memberships_by_organization ON public.memberships USING btree (organization);
CREATE INDEX projects_by_organization ON public.projects USING btree (organization, "position");
CREATE INDEX results_by_task ON public.results USING btree (task, "position");
CREATE INDEX service_accounts_by_organization ON public.service_accounts USING btree (organization, "position");
CREATE INDEX storage_configs_by_organization ON public.storage_configs USING btree (organization, "position");
CREATE INDEX tasks_by_dataset ON public.tasks USING btree (dataset, "position");
CREATE INDEX tasks_by_organization ON public.tasks USING btree (organization, "position");
CREATE INDEX tasks_by_project ON public.tasks USING btree (project, "position");
CREATE UNIQUE INDEX users_by_email ON public.users USING btree (lower(email));
CREATE INDEX webhook_deliveries_by_organization ON public.webhook_deliveries USING btree (organization, "position");
CREATE INDEX webhook_deliveries_by_subscription ON public.webhook_deliveries USING btree (subscription);
CREATE INDEX webhook_deliveries_pending ON public.webhook_deliveries USING btree (created_at) WHERE (status = 'pending'::text);
CREATE INDEX webhooks_by_organization ON public.webhooks USING btree (organization, "position");
