-- The first schema. Times are milliseconds since the Unix epoch. `position` orders a list and never returns.

-- SQLite keeps this number in the head of its file.
CREATE TABLE schema_version (
    only_row      BIGINT PRIMARY KEY CHECK (only_row = 1),
    version       BIGINT NOT NULL
);
INSERT INTO schema_version VALUES (1, 0);

CREATE TABLE meta (
    only_row      BIGINT PRIMARY KEY CHECK (only_row = 1),
    seq           BIGINT NOT NULL,
    class         TEXT NOT NULL,
    pepper_check  BYTEA NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE users (
    position      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           TEXT NOT NULL UNIQUE,
    email         TEXT NOT NULL,
    first_name    TEXT,
    last_name     TEXT,
    password_hash TEXT,
    created_at    BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_by_email ON users (lower(email));

CREATE TABLE organizations (
    position      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           TEXT NOT NULL UNIQUE,
    slug          TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);

CREATE TABLE memberships (
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    "user"        TEXT NOT NULL REFERENCES users (uid) ON DELETE CASCADE,
    role          TEXT NOT NULL,
    joined_at     BIGINT NOT NULL,
    PRIMARY KEY ("user", organization)
);

CREATE TABLE api_keys (
    id            TEXT PRIMARY KEY,
    class         TEXT NOT NULL,
    owner         TEXT NOT NULL REFERENCES users (uid),
    organization  TEXT NOT NULL REFERENCES organizations (uid),
    name          TEXT NOT NULL,
    mac           BYTEA NOT NULL,
    access        TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT,
    revoked_at    BIGINT,
    seq           BIGINT NOT NULL,
    seal          BYTEA NOT NULL
);
CREATE INDEX api_keys_by_seq ON api_keys (seq);

CREATE TABLE webhooks (
    position      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    target_url    TEXT NOT NULL,
    events        TEXT NOT NULL,
    is_active     BOOLEAN NOT NULL,
    secret        BYTEA NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX webhooks_by_organization ON webhooks (organization, position);

CREATE TABLE webhook_deliveries (
    position        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid             TEXT NOT NULL UNIQUE,
    organization    TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    subscription    TEXT NOT NULL REFERENCES webhooks (uid) ON DELETE CASCADE,
    event_type      TEXT NOT NULL,
    payload         TEXT NOT NULL,
    response_status BIGINT,
    response_body   TEXT,
    attempts        BIGINT NOT NULL,
    status          TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX webhook_deliveries_by_organization ON webhook_deliveries (organization, position);
CREATE INDEX webhook_deliveries_by_subscription ON webhook_deliveries (subscription);

CREATE TABLE agents (
    position      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    description   TEXT,
    events        TEXT NOT NULL,
    callback_url  TEXT,
    is_active     BOOLEAN NOT NULL,
    project       TEXT,
    task_types    TEXT NOT NULL,
    secret        BYTEA NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    UNIQUE (organization, name)
);
CREATE INDEX agents_by_organization ON agents (organization, position);

CREATE TABLE agent_executions (
    position         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid              TEXT NOT NULL UNIQUE,
    registration     TEXT NOT NULL REFERENCES agents (uid) ON DELETE CASCADE,
    event_type       TEXT NOT NULL,
    task             TEXT,
    result           TEXT,
    status           TEXT NOT NULL,
    action           TEXT,
    event_payload    TEXT NOT NULL,
    response_payload TEXT,
    started_at       BIGINT,
    completed_at     BIGINT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL
);
CREATE INDEX agent_executions_by_registration ON agent_executions (registration, position);

CREATE TABLE audit (
    position      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at            BIGINT NOT NULL,
    actor_kind    TEXT NOT NULL,
    actor_key     TEXT,
    actor_user    TEXT,
    action        TEXT NOT NULL,
    object        TEXT NOT NULL
);
