-- Rows of keys that are changed by hand are counted, so that nobody has to read them all to find out. The server's own
-- changes take a new number first, and write it into the row: whatever else touches a row is somebody's hand.

CREATE TABLE key_changes_by_hand (
    transaction_id INTEGER PRIMARY KEY,
    changes        INTEGER NOT NULL
) STRICT;
INSERT INTO key_changes_by_hand (transaction_id, changes) VALUES (0, 0);
CREATE TRIGGER key_added_by_hand BEFORE INSERT ON api_keys
    WHEN NEW.seq <> (SELECT seq FROM meta) OR EXISTS (SELECT 1 FROM api_keys WHERE seq = NEW.seq)
    BEGIN UPDATE key_changes_by_hand SET changes = changes + 1; END;
CREATE TRIGGER key_changed_by_hand AFTER UPDATE ON api_keys
    WHEN NEW.seq = OLD.seq OR NEW.seq <> (SELECT seq FROM meta)
    BEGIN UPDATE key_changes_by_hand SET changes = changes + 1; END;
CREATE TRIGGER key_removed_by_hand AFTER DELETE ON api_keys
    BEGIN UPDATE key_changes_by_hand SET changes = changes + 1; END;

-- Hours of long ago, summed up by day in UTC.

CREATE TABLE key_usage_days (
    key_id        TEXT NOT NULL,
    day           INTEGER NOT NULL,
    route_group   TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    requests      INTEGER NOT NULL,
    PRIMARY KEY (key_id, day, route_group, outcome)
) STRICT, WITHOUT ROWID;
CREATE INDEX key_usage_days_by_day ON key_usage_days (day);

-- The last time that a request with a key was refused, and the networks that a key was used from.

CREATE TABLE key_last_refusals (
    key_id        TEXT PRIMARY KEY,
    at            INTEGER NOT NULL,
    address       TEXT NOT NULL,
    agent         TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE key_networks (
    key_id        TEXT NOT NULL,
    network       TEXT NOT NULL,
    first_used    INTEGER NOT NULL,
    PRIMARY KEY (key_id, network)
) STRICT, WITHOUT ROWID;
