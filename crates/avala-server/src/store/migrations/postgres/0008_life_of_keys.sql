-- What a key has beside its access: where it may be used, what became of it, and by whom. Keys are listed in the order in
-- which they were made: by the number of the change that made them, and those from before by their age.

ALTER TABLE api_keys ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
UPDATE api_keys SET position = aged.position
    FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS position FROM api_keys) aged
    WHERE aged.id = api_keys.id;
CREATE UNIQUE INDEX api_keys_by_position ON api_keys (position);
CREATE INDEX api_keys_by_organization ON api_keys (organization, position);
ALTER TABLE api_keys ADD COLUMN environment TEXT;
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE api_keys ADD COLUMN created_by TEXT;
ALTER TABLE api_keys ADD COLUMN disabled_at BIGINT;
ALTER TABLE api_keys ADD COLUMN revoked_by TEXT;
ALTER TABLE api_keys ADD COLUMN revoked_reason TEXT;
ALTER TABLE api_keys ADD COLUMN rotated_from TEXT;
ALTER TABLE api_keys ADD COLUMN rotated_to TEXT;
ALTER TABLE api_keys ADD COLUMN grace_until BIGINT;
