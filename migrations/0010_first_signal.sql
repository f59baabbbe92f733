-- When an agent was first heard of. NULL means never: that tells an agent that
-- has not started from one that is idle.

-- +goose Up

ALTER TABLE sessions ADD COLUMN first_signal_at TIMESTAMP;

DROP TRIGGER sessions_cdc_update;

-- Nobody wrote it down for the sessions that exist; a report of theirs is the
-- nearest thing to it. The trigger is away meanwhile: this is news to no client.
UPDATE sessions SET first_signal_at = activity_last_at;

-- +goose StatementBegin
CREATE TRIGGER sessions_cdc_update
AFTER UPDATE ON sessions
WHEN NEW.activity_state <> OLD.activity_state
  OR NEW.is_terminated <> OLD.is_terminated
  OR (NEW.first_signal_at IS NOT NULL AND OLD.first_signal_at IS NULL)
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        NEW.project_id,
        NEW.id,
        'session_updated',
        json_object(
            'id', NEW.id,
            'activity', NEW.activity_state,
            'isTerminated', json(iif(NEW.is_terminated <> 0, 'true', 'false'))
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd

-- +goose Down

DROP TRIGGER sessions_cdc_update;

ALTER TABLE sessions DROP COLUMN first_signal_at;

-- +goose StatementBegin
CREATE TRIGGER sessions_cdc_update
AFTER UPDATE ON sessions
WHEN NEW.activity_state <> OLD.activity_state
  OR NEW.is_terminated <> OLD.is_terminated
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        NEW.project_id,
        NEW.id,
        'session_updated',
        json_object(
            'id', NEW.id,
            'activity', NEW.activity_state,
            'isTerminated', json(iif(NEW.is_terminated <> 0, 'true', 'false'))
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd
