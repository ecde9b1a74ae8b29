-- Work that goes on after the answer which started it. A row of `jobs` is there as long as its work is to be done: whoever
-- carries it out holds it by a token, until `due_at`, after which anybody may take it up.

CREATE TABLE jobs (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL,
    object        TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    holder        TEXT,
    due_at        INTEGER NOT NULL,
    UNIQUE (kind, object)
) STRICT;
CREATE INDEX jobs_by_due_at ON jobs (due_at);

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
CREATE INDEX exports_by_organization ON exports (organization, position);

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
CREATE INDEX auto_label_jobs_by_organization ON auto_label_jobs (organization, position);
CREATE INDEX auto_label_jobs_by_project ON auto_label_jobs (project, position);
