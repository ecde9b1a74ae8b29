-- What executions are filtered by has columns of its own.

ALTER TABLE agent_executions ADD COLUMN project TEXT;
ALTER TABLE agent_executions ADD COLUMN task_type TEXT;
UPDATE agent_executions SET project = event_payload::json ->> 'project_uid', task_type = event_payload::json ->> 'task_type';
