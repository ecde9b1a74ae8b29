-- How keys are used: requests by hour, and each key's last use. What is counted says nothing of what was asked for.
-- Without references: a key that was deleted by hand must not keep the counts of the others from being written.

CREATE TABLE key_usage (
    key_id        TEXT NOT NULL,
    hour          BIGINT NOT NULL,
    route_group   TEXT NOT NULL,
    outcome       TEXT NOT NULL,
    requests      BIGINT NOT NULL,
    PRIMARY KEY (key_id, hour, route_group, outcome)
);
CREATE INDEX key_usage_by_hour ON key_usage (hour);

CREATE TABLE key_last_uses (
    key_id        TEXT PRIMARY KEY,
    at            BIGINT NOT NULL,
    address       TEXT NOT NULL,
    agent         TEXT
);
