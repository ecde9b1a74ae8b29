-- Buckets and models of the callers' own. `credentials` and `config` are sealed.

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
CREATE INDEX storage_configs_by_organization ON storage_configs (organization, position);

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
CREATE INDEX inference_providers_by_organization ON inference_providers (organization, position);
CREATE INDEX inference_providers_by_project ON inference_providers (project);
