-- Projects, datasets, tasks and results. Provisional.

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
);
CREATE INDEX projects_by_organization ON projects (organization, position);

CREATE TABLE datasets (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name              TEXT NOT NULL,
    slug              TEXT NOT NULL,
    data_type         TEXT,
    visibility        TEXT,
    status            TEXT,
    item_count        INTEGER NOT NULL,
    is_sequence       INTEGER NOT NULL,
    predefined_labels TEXT,
    metadata          TEXT,
    provider_config   BLOB,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,
    UNIQUE (organization, slug)
);
CREATE INDEX datasets_by_organization ON datasets (organization, position);

CREATE TABLE tasks (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    organization      TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    project           TEXT NOT NULL REFERENCES projects (uid) ON DELETE CASCADE,
    dataset           TEXT,
    type              TEXT,
    name              TEXT,
    status            TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
);
CREATE INDEX tasks_by_organization ON tasks (organization, position);
CREATE INDEX tasks_by_project ON tasks (project, position);

CREATE TABLE results (
    position          INTEGER PRIMARY KEY AUTOINCREMENT,
    uid               TEXT NOT NULL UNIQUE,
    task              TEXT NOT NULL REFERENCES tasks (uid) ON DELETE CASCADE,
    status            TEXT,
    data              TEXT NOT NULL,
    metadata          TEXT,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
);
CREATE INDEX results_by_task ON results (task, position);
