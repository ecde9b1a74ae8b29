-- Provisional: only what storage configs and inference providers need of the rows' own migration.

CREATE TABLE projects (
    position          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    status            TEXT,
    task_type         TEXT,
    visibility        TEXT,
    short_description TEXT,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);
