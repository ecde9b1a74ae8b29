-- Rows of keys that are changed by hand are counted, so that nobody has to read them all to find out. The server's own
-- changes take a new number first, and write it into the row: whatever else touches a row is somebody's hand. Once for
-- each transaction, in a row of its own: none has to wait for another one.

CREATE TABLE key_changes_by_hand (
    transaction_id BIGINT PRIMARY KEY,
    changes        BIGINT NOT NULL
);
CREATE FUNCTION count_key_change_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.seq = (SELECT seq FROM meta)
            AND NOT EXISTS (SELECT FROM api_keys WHERE seq = NEW.seq AND id <> NEW.id) THEN
            RETURN NULL;
        END IF;
    ELSIF TG_OP = 'UPDATE' THEN
        IF NEW.seq <> OLD.seq AND NEW.seq = (SELECT seq FROM meta) THEN
            RETURN NULL;
        END IF;
    END IF;
    INSERT INTO key_changes_by_hand (transaction_id, changes)
        VALUES (pg_current_xact_id()::text::bigint, 1) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE TRIGGER key_changed_by_hand AFTER INSERT OR UPDATE OR DELETE ON api_keys
    FOR EACH ROW EXECUTE FUNCTION count_key_change_by_hand();
CREATE TRIGGER keys_removed_by_hand AFTER TRUNCATE ON api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION count_key_change_by_hand();

-- Hours of long ago, summed up by day in UTC.

CREATE TABLE key_usage_days (
    key_id        TEXT NOT NULL,
    day           BIGINT NOT NULL,
    route_group   TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    requests      BIGINT NOT NULL,
    PRIMARY KEY (key_id, day, route_group, outcome)
);
CREATE INDEX key_usage_days_by_day ON key_usage_days (day);

-- The last time that a request with a key was refused, and the networks that a key was used from.

CREATE TABLE key_last_refusals (
    key_id        TEXT PRIMARY KEY,
    at            BIGINT NOT NULL,
    address       TEXT NOT NULL,
    agent         TEXT
);

CREATE TABLE key_networks (
    key_id        TEXT NOT NULL,
    network       TEXT NOT NULL,
    first_used    BIGINT NOT NULL,
    PRIMARY KEY (key_id, network)
);
