-- Owners without a person, and owners that are switched off. What a key may do because of its owner stands in the key's own
-- row, under its seal; here stands what people ask about.

CREATE TABLE service_accounts (
    position      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           TEXT NOT NULL UNIQUE,
    organization  TEXT NOT NULL REFERENCES organizations (uid) ON DELETE CASCADE,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    created_by    TEXT NOT NULL,
    disabled_at   BIGINT,
    UNIQUE (organization, name)
);
CREATE INDEX service_accounts_by_organization ON service_accounts (organization, position);

-- The one token with which the first user is made: the MAC of it and of its end.
CREATE TABLE setup_tokens (
    only_row      BIGINT PRIMARY KEY CHECK (only_row = 1),
    tag           BYTEA NOT NULL,
    expires_at    BIGINT NOT NULL
);

ALTER TABLE users ADD COLUMN disabled_at BIGINT;

CREATE INDEX api_keys_by_owner ON api_keys (owner);
CREATE INDEX memberships_by_organization ON memberships (organization);

-- A key's owner need not be a user any more.
ALTER TABLE api_keys DROP CONSTRAINT api_keys_owner_fkey;
