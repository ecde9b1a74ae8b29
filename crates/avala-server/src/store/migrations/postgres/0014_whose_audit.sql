-- Whose lines of the audit are: the organization that may read them. Lines from before say nothing of it, and nobody's are
-- for the console alone. Refused requests are lines with a code and how many they were. All three are hashed where any of
-- them is there, so that lines from before keep their hash.

ALTER TABLE audit ADD COLUMN organization TEXT;
ALTER TABLE audit ADD COLUMN code TEXT;
ALTER TABLE audit ADD COLUMN requests BIGINT;
CREATE INDEX audit_by_organization ON audit (organization, position) WHERE organization IS NOT NULL;
