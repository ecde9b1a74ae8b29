-- Work that goes on after the answer which started it. A row of `jobs` is there as long as its work is to be done: whoever
-- carries it out holds it by a token, until `due_at`, after which anybody may take it up.

CREATE TABLE jobs (
    position      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind          TEXT NOT NULL,
    object        TEXT NOT NULL,
    attempts      BIGINT NOT NULL,
    holder        TEXT,
    due_at        BIGINT NOT NULL,
    UNIQUE (kind, object)
);
CREATE INDEX jobs_by_due_at ON jobs (due_at);

CREATE TABLE exports (
    position            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid                 TEXT NOT NULL UNIQUE,
    organization        TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name                TEXT,
    format              TEXT NOT NULL,
    filter_query_string TEXT,
    projects            TEXT NOT NULL,
    datasets            TEXT NOT NULL,
    status              TEXT NOT NULL,
    total_task_count    BIGINT,
    exported_task_count BIGINT,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);
CREATE INDEX exports_by_organization ON exports (organization, position);

CREATE TABLE auto_label_jobs (
    position             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid                  TEXT NOT NULL UNIQUE,
    organization         TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    project              TEXT NOT NULL REFERENCES projects (uid) ON DELETE CASCADE,
    model_type           TEXT NOT NULL,
    confidence_threshold DOUBLE PRECISION NOT NULL,
    labels               TEXT NOT NULL,
    dry_run              BOOLEAN NOT NULL,
    status               TEXT NOT NULL,
    total_items          BIGINT NOT NULL,
    processed_items      BIGINT NOT NULL,
    successful_items     BIGINT NOT NULL,
    failed_items         BIGINT NOT NULL,
    skipped_items        BIGINT NOT NULL,
    error_message        TEXT,
    summary              TEXT,
    started_at           BIGINT,
    completed_at         BIGINT,
    created_at           BIGINT NOT NULL
);
CREATE INDEX auto_label_jobs_by_organization ON auto_label_jobs (organization, position);
CREATE INDEX auto_label_jobs_by_project ON auto_label_jobs (project, position);
