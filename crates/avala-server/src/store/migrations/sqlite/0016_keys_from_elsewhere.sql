-- A key without an id is found by its MAC, and taken over once.

CREATE UNIQUE INDEX api_keys_by_legacy_mac ON api_keys (mac) WHERE is_legacy;
