-- Projects, datasets, tasks and their results.

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
CREATE INDEX projects_by_organization ON projects (organization, position);

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
CREATE INDEX datasets_by_organization ON datasets (organization, position);

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
CREATE INDEX tasks_by_organization ON tasks (organization, position);
CREATE INDEX tasks_by_project ON tasks (project, position);
CREATE INDEX tasks_by_dataset ON tasks (dataset, position);

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
CREATE INDEX results_by_task ON results (task, position);
