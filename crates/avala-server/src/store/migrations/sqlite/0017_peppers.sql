-- The peppers that keys and seals were made with, by what they are recognised by; and what the later ones keep, encrypted, of
-- the first.

CREATE TABLE peppers (
    id INTEGER PRIMARY KEY,
    check_value BLOB NOT NULL,
    kept BLOB,
    created_at INTEGER NOT NULL,
    begins_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;
INSERT INTO peppers (id, check_value, created_at, begins_at) SELECT 1, pepper_check, created_at, created_at FROM meta;
ALTER TABLE meta DROP COLUMN pepper_check;
