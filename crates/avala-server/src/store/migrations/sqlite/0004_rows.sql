-- Provisional: only what storage configs and inference providers need of the rows' own migration.

CREATE TABLE projects (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    status            TEXT,
    task_type         TEXT,
    visibility        TEXT,
    short_description TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;
