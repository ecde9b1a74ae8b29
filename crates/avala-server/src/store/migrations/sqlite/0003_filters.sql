-- What executions are filtered by has columns of its own. The index says what the column's collation said.

ALTER TABLE agent_executions ADD COLUMN project TEXT;
ALTER TABLE agent_executions ADD COLUMN task_type TEXT;
UPDATE agent_executions SET project = event_payload ->> '$.project_uid', task_type = event_payload ->> '$.task_type';

CREATE UNIQUE INDEX users_by_email ON users (lower(email));
