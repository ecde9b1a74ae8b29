-- What the migrations lead to. Written by `cargo xtask gen`.

CREATE TABLE agent_executions (
    position         INTEGER PRIMARY KEY AUTOINCREMENT,
    uid              TEXT NOT NULL UNIQUE,
    registration     TEXT NOT NULL REFERENCES agents (uid) ON DELETE CASCADE,
    event_type       TEXT NOT NULL,
    task             TEXT,
    result           TEXT,
    status           TEXT NOT NULL,
    action           TEXT,
    event_payload    TEXT NOT NULL,
    response_payload TEXT,
    started_at       INTEGER,
    completed_at     INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
, project TEXT, task_type TEXT) STRICT;
CREATE TABLE agents (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    description   TEXT,
    events        TEXT NOT NULL,
    callback_url  TEXT,
    is_active     INTEGER NOT NULL,
    project       TEXT,
    task_types    TEXT NOT NULL,
    secret        BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    UNIQUE (organization, name)
) STRICT;
CREATE TABLE api_keys (
    id            TEXT PRIMARY KEY,
    class         TEXT NOT NULL,
    owner         TEXT NOT NULL,
    organization  TEXT NOT NULL REFERENCES organizations (uid),
    name          TEXT NOT NULL,
    mac           BLOB NOT NULL,
    access        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    seq           INTEGER NOT NULL,
    seal          BLOB NOT NULL
, position INTEGER NOT NULL DEFAULT 0, environment TEXT, networks TEXT NOT NULL DEFAULT '[]', created_by TEXT, disabled_at INTEGER, revoked_by TEXT, revoked_reason TEXT, rotated_from TEXT, rotated_to TEXT, grace_until INTEGER, pepper INTEGER NOT NULL DEFAULT 1, role TEXT NOT NULL DEFAULT 'owner', suspended_at INTEGER, is_legacy INTEGER NOT NULL DEFAULT FALSE, muted_hints TEXT NOT NULL DEFAULT '[]', resources TEXT) STRICT;
CREATE TABLE audit (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor_key     TEXT,
    actor_user    TEXT,
    action        TEXT NOT NULL,
    object        TEXT NOT NULL
, seq INTEGER, hash BLOB, organization TEXT, code TEXT, requests INTEGER) STRICT;
CREATE TABLE auto_label_jobs (
    position             INTEGER PRIMARY KEY AUTOINCREMENT,
    uid                  TEXT NOT NULL UNIQUE,
    organization         TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    project              TEXT NOT NULL REFERENCES projects (uid) ON DELETE CASCADE,
    model_type           TEXT NOT NULL,
    confidence_threshold REAL NOT NULL,
    labels               TEXT NOT NULL,
    dry_run              INTEGER NOT NULL,
    status               TEXT NOT NULL,
    total_items          INTEGER NOT NULL,
    processed_items      INTEGER NOT NULL,
    successful_items     INTEGER NOT NULL,
    failed_items         INTEGER NOT NULL,
    skipped_items        INTEGER NOT NULL,
    error_message        TEXT,
    summary              TEXT,
    started_at           INTEGER,
    completed_at         INTEGER,
    created_at           INTEGER NOT NULL
) STRICT;
CREATE TABLE datasets (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    -- In lower case by Unicode's rules, which neither database knows by itself.
    folded_name       TEXT NOT NULL,
    slug              TEXT NOT NULL,
    data_type         TEXT NOT NULL,
    visibility        TEXT NOT NULL,
    status            TEXT NOT NULL,
    item_count        INTEGER NOT NULL,
    is_sequence       INTEGER NOT NULL,
    predefined_labels TEXT,
    metadata          TEXT,
    provider_config   BLOB,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    UNIQUE (organization, slug)
) STRICT;
CREATE TABLE exports (
    position            INTEGER PRIMARY KEY AUTOINCREMENT,
    uid                 TEXT NOT NULL UNIQUE,
    organization        TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name                TEXT,
    format              TEXT NOT NULL,
    filter_query_string TEXT,
    projects            TEXT NOT NULL,
    datasets            TEXT NOT NULL,
    status              TEXT NOT NULL,
    total_task_count    INTEGER,
    exported_task_count INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL
) STRICT;
CREATE TABLE idempotency_keys (
    -- The key that asked.
    actor         TEXT NOT NULL,
    name          TEXT NOT NULL,
    -- SHA-256 of the request.
    request       BLOB NOT NULL,
    object        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (actor, name)
) STRICT;
CREATE TABLE inference_providers (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    description       TEXT,
    provider_type     TEXT NOT NULL,
    config            BLOB NOT NULL,
    is_active         INTEGER NOT NULL,
    project           TEXT REFERENCES projects (uid) ON DELETE SET NULL,
    last_test_at      INTEGER,
    last_test_success INTEGER,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE jobs (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL,
    object        TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    holder        TEXT,
    due_at        INTEGER NOT NULL,
    UNIQUE (kind, object)
) STRICT;
CREATE TRIGGER key_added_by_hand BEFORE INSERT ON api_keys
    WHEN NEW.seq <> (SELECT seq FROM meta) OR EXISTS (SELECT 1 FROM api_keys WHERE seq = NEW.seq)
    BEGIN UPDATE key_changes_by_hand SET changes = changes + 1; END;
CREATE TRIGGER key_changed_by_hand AFTER UPDATE ON api_keys
    WHEN NEW.seq = OLD.seq OR NEW.seq <> (SELECT seq FROM meta)
    BEGIN UPDATE key_changes_by_hand SET changes = changes + 1; END;
CREATE TABLE key_changes_by_hand (
    transaction_id INTEGER PRIMARY KEY,
    changes        INTEGER NOT NULL
) STRICT;
CREATE TABLE key_last_refusals (
    key_id        TEXT PRIMARY KEY,
    at            INTEGER NOT NULL,
    address       TEXT NOT NULL,
    agent         TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE key_last_uses (
    key_id        TEXT PRIMARY KEY,
    at            INTEGER NOT NULL,
    address       TEXT NOT NULL,
    agent         TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE key_networks (
    key_id        TEXT NOT NULL,
    network       TEXT NOT NULL,
    first_used    INTEGER NOT NULL,
    PRIMARY KEY (key_id, network)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_policies (
    organization    TEXT PRIMARY KEY REFERENCES organizations (uid) ON DELETE CASCADE,
    -- In seconds.
    longest_life    INTEGER,
    requires_expiry INTEGER NOT NULL,
    allowed_scopes  TEXT,
    most_keys       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER key_removed_by_hand AFTER DELETE ON api_keys
    BEGIN UPDATE key_changes_by_hand SET changes = changes + 1; END;
CREATE TABLE key_usage (
    key_id        TEXT NOT NULL,
    hour          INTEGER NOT NULL,
    route_group   TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    requests      INTEGER NOT NULL,
    PRIMARY KEY (key_id, hour, route_group, outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE key_usage_days (
    key_id        TEXT NOT NULL,
    day           INTEGER NOT NULL,
    route_group   TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    requests      INTEGER NOT NULL,
    PRIMARY KEY (key_id, day, route_group, outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE memberships (
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    user          TEXT NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    role          TEXT NOT NULL,
    joined_at     INTEGER NOT NULL,
    PRIMARY KEY (user, organization)
) STRICT;
CREATE TABLE meta (
    only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
    seq           INTEGER NOT NULL,
    class         TEXT NOT NULL,
    created_at    INTEGER NOT NULL
, audit_start INTEGER NOT NULL DEFAULT 0, audit_count INTEGER NOT NULL DEFAULT 0, audit_head BLOB NOT NULL DEFAULT x'0000000000000000000000000000000000000000000000000000000000000000') STRICT;
CREATE TABLE organizations (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    slug          TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE peppers (
    id INTEGER PRIMARY KEY,
    check_value BLOB NOT NULL,
    kept BLOB,
    created_at INTEGER NOT NULL,
    begins_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
CREATE TABLE projects (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    status            TEXT NOT NULL,
    task_type         TEXT,
    visibility        TEXT NOT NULL,
    short_description TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE results (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    task              TEXT NOT NULL REFERENCES tasks (uid) ON DELETE CASCADE,
    status            TEXT NOT NULL,
    data              TEXT NOT NULL,
    metadata          TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE service_accounts (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    created_by    TEXT NOT NULL,
    disabled_at   INTEGER,
    UNIQUE (organization, name)
) STRICT;
CREATE TABLE setup_tokens (
    only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
    tag           BLOB NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE storage_configs (
    position               INTEGER PRIMARY KEY AUTOINCREMENT,
    uid                    TEXT NOT NULL UNIQUE,
    organization           TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name                   TEXT NOT NULL,
    provider               TEXT NOT NULL,
    s3_bucket_name         TEXT,
    s3_bucket_region       TEXT,
    s3_bucket_prefix       TEXT,
    s3_auth_method         TEXT,
    s3_is_accelerated      INTEGER NOT NULL,
    gc_storage_bucket_name TEXT,
    gc_storage_prefix      TEXT,
    credentials            BLOB NOT NULL,
    is_verified            INTEGER NOT NULL,
    last_verified_at       INTEGER,
    created_at             INTEGER NOT NULL,
    updated_at             INTEGER NOT NULL
) STRICT;
CREATE TABLE tasks (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    project           TEXT NOT NULL REFERENCES projects (uid) ON DELETE CASCADE,
    dataset           TEXT REFERENCES datasets (uid) ON DELETE SET NULL,
    type              TEXT,
    name              TEXT,
    status            TEXT NOT NULL,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
CREATE TABLE users (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
    first_name    TEXT,
    last_name     TEXT,
    password_hash TEXT,
    created_at    INTEGER NOT NULL
, disabled_at INTEGER) STRICT;
CREATE TABLE webhook_deliveries (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    uid             TEXT NOT NULL UNIQUE,
    organization    TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    subscription    TEXT NOT NULL REFERENCES webhooks (uid) ON DELETE CASCADE,
    event_type      TEXT NOT NULL,
    payload         TEXT NOT NULL,
    response_status INTEGER,
    response_body   TEXT,
    attempts        INTEGER NOT NULL,
    status          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE TABLE webhooks (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    target_url    TEXT NOT NULL,
    events        TEXT NOT NULL,
    is_active     INTEGER NOT NULL,
    secret        BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX agent_executions_by_registration ON agent_executions (registration, position);
CREATE INDEX agents_by_organization ON agents (organization, position);
CREATE UNIQUE INDEX api_keys_by_legacy_mac ON api_keys (mac) WHERE is_legacy;
CREATE INDEX api_keys_by_organization ON api_keys (organization, position);
CREATE INDEX api_keys_by_owner ON api_keys (owner);
CREATE UNIQUE INDEX api_keys_by_position ON api_keys (position);
CREATE INDEX api_keys_by_seq ON api_keys (seq);
CREATE INDEX api_keys_in_force ON api_keys (organization, expires_at) WHERE revoked_at IS NULL;
CREATE INDEX audit_by_organization ON audit (organization, position) WHERE organization IS NOT NULL;
CREATE INDEX audit_of_changes_to_keys ON audit (object, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_of_revocations ON audit (object) WHERE action = 'api_key.revoke';
CREATE INDEX auto_label_jobs_by_organization ON auto_label_jobs (organization, position);
CREATE INDEX auto_label_jobs_by_project ON auto_label_jobs (project, position);
CREATE INDEX datasets_by_organization ON datasets (organization, position);
CREATE INDEX exports_by_organization ON exports (organization, position);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX inference_providers_by_organization ON inference_providers (organization, position);
CREATE INDEX inference_providers_by_project ON inference_providers (project);
CREATE INDEX jobs_by_due_at ON jobs (due_at);
CREATE INDEX key_usage_by_hour ON key_usage (hour);
CREATE INDEX key_usage_days_by_day ON key_usage_days (day);
CREATE INDEX memberships_by_organization ON memberships (organization);
CREATE INDEX projects_by_organization ON projects (organization, position);
CREATE INDEX results_by_task ON results (task, position);
CREATE INDEX service_accounts_by_organization ON service_accounts (organization, position);
CREATE INDEX storage_configs_by_organization ON storage_configs (organization, position);
CREATE INDEX tasks_by_dataset ON tasks (dataset, position);
CREATE INDEX tasks_by_organization ON tasks (organization, position);
CREATE INDEX tasks_by_project ON tasks (project, position);
CREATE UNIQUE INDEX users_by_email ON users (lower(email));
CREATE INDEX webhook_deliveries_by_organization ON webhook_deliveries (organization, position);
CREATE INDEX webhook_deliveries_by_subscription ON webhook_deliveries (subscription);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (created_at) WHERE status = 'pending';
CREATE INDEX webhooks_by_organization ON webhooks (organization, position);
