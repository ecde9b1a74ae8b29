-- Buckets and models of the callers' own. `credentials` and `config` are sealed.

CREATE TABLE storage_configs (
    position               BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid                    TEXT NOT NULL UNIQUE,
    organization           TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name                   TEXT NOT NULL,
    provider               TEXT NOT NULL,
    s3_bucket_name         TEXT,
    s3_bucket_region       TEXT,
    s3_bucket_prefix       TEXT,
    s3_auth_method         TEXT,
    s3_is_accelerated      BOOLEAN NOT NULL,
    gc_storage_bucket_name TEXT,
    gc_storage_prefix      TEXT,
    credentials            BYTEA NOT NULL,
    is_verified            BOOLEAN NOT NULL,
    last_verified_at       BIGINT,
    created_at             BIGINT NOT NULL,
    updated_at             BIGINT NOT NULL
);
CREATE INDEX storage_configs_by_organization ON storage_configs (organization, position);

CREATE TABLE inference_providers (
    position          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    description       TEXT,
    provider_type     TEXT NOT NULL,
    config            BYTEA NOT NULL,
    is_active         BOOLEAN NOT NULL,
    project           TEXT REFERENCES projects (uid) ON DELETE SET NULL,
    last_test_at      BIGINT,
    last_test_success BOOLEAN,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);
CREATE INDEX inference_providers_by_organization ON inference_providers (organization, position);
CREATE INDEX inference_providers_by_project ON inference_providers (project);
