-- What was made under a name of the caller's own, so that the same request finds it again instead of making another.

CREATE TABLE idempotency_keys (
    -- The key that asked.
    actor         TEXT NOT NULL,
    name          TEXT NOT NULL,
    -- SHA-256 of the request.
    request       BLOB NOT NULL,
    object        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    PRIMARY KEY (actor, name)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
