-- Owners without a person, and owners that are switched off. What a key may do because of its owner stands in the key's own
-- row, under its seal; here stands what people ask about.

CREATE TABLE service_accounts (
    position      INTEGER PRIMARY KEY AUTOINCREMENT,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    created_by    TEXT NOT NULL,
    disabled_at   INTEGER,
    UNIQUE (organization, name)
) STRICT;
CREATE INDEX service_accounts_by_organization ON service_accounts (organization, position);

-- The one token with which the first user is made: the MAC of it and of its end.
CREATE TABLE setup_tokens (
    only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
    tag           BLOB NOT NULL,
    expires_at    INTEGER NOT NULL
) STRICT;

ALTER TABLE users ADD COLUMN disabled_at INTEGER;

CREATE INDEX api_keys_by_owner ON api_keys (owner);
CREATE INDEX memberships_by_organization ON memberships (organization);

-- A key's owner need not be a user any more. SQLite has no other statement that takes a reference away and leaves the
-- table as it is, whichever columns it has by now.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'owner         TEXT NOT NULL REFERENCES users (uid),', 'owner         TEXT NOT NULL,')
WHERE type = 'table' AND name = 'api_keys';
PRAGMA writable_schema = RESET;
