-- The peppers that keys and seals were made with, by what they are recognised by; and what the later ones keep, encrypted, of
-- the first.

CREATE TABLE peppers (
    id BIGINT PRIMARY KEY,
    check_value BYTEA NOT NULL,
    kept BYTEA,
    created_at BIGINT NOT NULL,
    begins_at BIGINT NOT NULL,
    retired_at BIGINT
);
INSERT INTO peppers (id, check_value, created_at, begins_at) SELECT 1, pepper_check, created_at, created_at FROM meta;
ALTER TABLE meta DROP COLUMN pepper_check;
