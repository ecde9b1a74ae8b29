-- The datasets and projects that a key is restricted to, as a list in JSON; none, if it reaches everything.

ALTER TABLE api_keys ADD COLUMN resources TEXT;
