-- Where an activity report came from is no longer kept, and the daemon reports
-- one kind of waiting only.

-- +goose Up

-- The CHECK on activity_state keeps its fifth value: to take it away would cost
-- a rebuild of the table and gain nothing.
UPDATE sessions
SET activity_state = 'waiting_input'
WHERE activity_state = 'blocked';

ALTER TABLE sessions DROP COLUMN activity_source;

-- +goose Down

ALTER TABLE sessions ADD COLUMN activity_source TEXT NOT NULL DEFAULT 'none'
    CHECK (activity_source IN ('native', 'terminal', 'hook', 'runtime', 'none'));
