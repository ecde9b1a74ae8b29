-- Each line of the audit has a hash of itself and of the line before. Lines from before have none: the chain begins after
-- them. `meta` knows where it begins, how many lines it has, and the hash of the last one.

ALTER TABLE audit ADD COLUMN hash BYTEA;
ALTER TABLE meta ADD COLUMN audit_start BIGINT NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN audit_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN audit_head BYTEA NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000';
UPDATE meta SET audit_start = (SELECT coalesce(max(position), 0) FROM audit);
