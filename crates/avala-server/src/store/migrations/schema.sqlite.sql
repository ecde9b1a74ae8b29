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
    owner         TEXT NOT NULL REFERENCES users (uid),
    organization  TEXT NOT NULL REFERENCES organizations (uid),
    name          TEXT NOT NULL,
    mac           BLOB NOT NULL,
    access        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    revoked_at    INTEGER,
    seq           INTEGER NOT NULL,
    seal          BLOB NOT NULL
) STRICT;
CREATE TABLE audit (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor_key     TEXT,
    actor_user    TEXT,
    action        TEXT NOT NULL,
    object        TEXT NOT NULL
) STRICT;
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
    pepper_check  BLOB NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE organizations (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    slug          TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;
CREATE TABLE users (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
    first_name    TEXT,
    last_name     TEXT,
    password_hash TEXT,
    created_at    INTEGER NOT NULL
) STRICT;
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
CREATE INDEX api_keys_by_seq ON api_keys (seq);
CREATE INDEX audit_of_revocations ON audit (object) WHERE action = 'api_key.revoke';
CREATE UNIQUE INDEX users_by_email ON users (lower(email));
CREATE INDEX webhook_deliveries_by_organization ON webhook_deliveries (organization, position);
CREATE INDEX webhook_deliveries_by_subscription ON webhook_deliveries (subscription);
CREATE INDEX webhooks_by_organization ON webhooks (organization, position);
