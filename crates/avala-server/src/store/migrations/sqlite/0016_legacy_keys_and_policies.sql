-- A key without an id is found by its MAC, and taken over once.

CREATE UNIQUE INDEX api_keys_by_legacy_mac ON api_keys (mac) WHERE is_legacy;

-- What organizations let their keys be, where somebody has said so.

CREATE TABLE key_policies (
    organization    TEXT PRIMARY KEY REFERENCES organizations (uid) ON DELETE CASCADE,
    -- In seconds.
    longest_life    INTEGER,
    requires_expiry INTEGER NOT NULL,
    allowed_scopes  TEXT,
    most_keys       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The keys that count.
CREATE INDEX api_keys_in_force ON api_keys (organization, expires_at) WHERE revoked_at IS NULL;
