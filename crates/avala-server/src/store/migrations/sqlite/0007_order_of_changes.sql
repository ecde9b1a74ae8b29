-- The number of a change to the keys stays with its line of the audit: a row from before it was put back, and counts no
-- more. And what waits is found without reading all that ever waited.

ALTER TABLE audit ADD COLUMN seq INTEGER;
CREATE INDEX audit_of_changes_to_keys ON audit (object, seq) WHERE seq IS NOT NULL;
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (created_at) WHERE status = 'pending';
