-- What a key has from its owner (a role in the organization, and whether the owner is switched off), which pepper its MAC
-- was made with, whether it was taken over from elsewhere, and which hints about it nobody wants to see.

ALTER TABLE api_keys ADD COLUMN pepper INTEGER NOT NULL DEFAULT 1;
ALTER TABLE api_keys ADD COLUMN role TEXT NOT NULL DEFAULT 'owner';
ALTER TABLE api_keys ADD COLUMN suspended_at INTEGER;
ALTER TABLE api_keys ADD COLUMN is_legacy INTEGER NOT NULL DEFAULT FALSE;
ALTER TABLE api_keys ADD COLUMN muted_hints TEXT NOT NULL DEFAULT '[]';
