-- A pull request can pass from one session to another, and clients want to know.

-- +goose Up

-- One more event type: the same rebuild as in version 4, for the same reasons.
DROP TRIGGER pr_review_threads_cdc_insert;
DROP TRIGGER pr_review_threads_cdc_update;
DROP TRIGGER sessions_cdc_insert;
DROP TRIGGER sessions_cdc_update;
DROP TRIGGER pr_cdc_insert;
DROP TRIGGER pr_cdc_update;
DROP TRIGGER pr_checks_cdc_insert;
DROP TRIGGER pr_checks_cdc_update;

CREATE TABLE change_log_rebuilt (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL REFERENCES projects (id),
    session_id TEXT REFERENCES sessions (id),
    event_type TEXT NOT NULL
        CHECK (event_type IN (
            'session_created', 'session_updated',
            'pr_created', 'pr_updated', 'pr_check_recorded', 'pr_session_changed',
            'pr_review_thread_added', 'pr_review_thread_resolved'
        )),
    payload    TEXT NOT NULL CHECK (json_valid(payload)),
    created_at TIMESTAMP NOT NULL DEFAULT (datetime('now'))
);

INSERT INTO change_log_rebuilt (seq, project_id, session_id, event_type, payload, created_at)
SELECT seq, project_id, session_id, event_type, payload, created_at
FROM change_log
ORDER BY seq;

DROP TABLE change_log;
ALTER TABLE change_log_rebuilt RENAME TO change_log;

CREATE INDEX idx_change_log_project ON change_log (project_id, seq);

-- One update of pr can fire both of its update triggers. SQLite then runs the
-- newer one first, so the order in which they are made here decides the order in
-- which clients see the two events.

-- +goose StatementBegin
CREATE TRIGGER pr_review_threads_cdc_insert
AFTER INSERT ON pr_review_threads
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        (SELECT sessions.project_id FROM pr JOIN sessions ON sessions.id = pr.session_id WHERE pr.url = NEW.pr_url),
        (SELECT session_id FROM pr WHERE url = NEW.pr_url),
        'pr_review_thread_added',
        json_object(
            'pr', NEW.pr_url,
            'thread', NEW.thread_id,
            'path', NEW.path,
            'line', NEW.line,
            'resolved', json(iif(NEW.resolved <> 0, 'true', 'false')),
            'isBot', json(iif(NEW.is_bot <> 0, 'true', 'false'))
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pr_review_threads_cdc_update
AFTER UPDATE ON pr_review_threads
WHEN NEW.resolved <> OLD.resolved
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        (SELECT sessions.project_id FROM pr JOIN sessions ON sessions.id = pr.session_id WHERE pr.url = NEW.pr_url),
        (SELECT session_id FROM pr WHERE url = NEW.pr_url),
        'pr_review_thread_resolved',
        json_object(
            'pr', NEW.pr_url,
            'thread', NEW.thread_id,
            'path', NEW.path,
            'line', NEW.line,
            'resolved', json(iif(NEW.resolved <> 0, 'true', 'false'))
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER sessions_cdc_insert
AFTER INSERT ON sessions
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        NEW.project_id,
        NEW.id,
        'session_created',
        json_object(
            'id', NEW.id,
            'activity', NEW.activity_state,
            'isTerminated', json(iif(NEW.is_terminated <> 0, 'true', 'false'))
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd

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

-- +goose StatementBegin
CREATE TRIGGER pr_cdc_insert
AFTER INSERT ON pr
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        (SELECT project_id FROM sessions WHERE id = NEW.session_id),
        NEW.session_id,
        'pr_created',
        json_object(
            'url', NEW.url,
            'session', NEW.session_id,
            'state', NEW.pr_state,
            'ci', NEW.ci_state,
            'review', NEW.review_decision,
            'mergeability', NEW.mergeability
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pr_cdc_update
AFTER UPDATE ON pr
WHEN NEW.pr_state <> OLD.pr_state
  OR NEW.ci_state <> OLD.ci_state
  OR NEW.review_decision <> OLD.review_decision
  OR NEW.mergeability <> OLD.mergeability
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        (SELECT project_id FROM sessions WHERE id = NEW.session_id),
        NEW.session_id,
        'pr_updated',
        json_object(
            'url', NEW.url,
            'session', NEW.session_id,
            'state', NEW.pr_state,
            'ci', NEW.ci_state,
            'review', NEW.review_decision,
            'mergeability', NEW.mergeability
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pr_session_cdc_update
AFTER UPDATE ON pr
WHEN NEW.session_id <> OLD.session_id
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        (SELECT project_id FROM sessions WHERE id = NEW.session_id),
        NEW.session_id,
        'pr_session_changed',
        json_object(
            'url', NEW.url,
            'fromSession', OLD.session_id,
            'toSession', NEW.session_id
        ),
        NEW.updated_at
    );
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pr_checks_cdc_insert
AFTER INSERT ON pr_checks
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        (SELECT sessions.project_id FROM pr JOIN sessions ON sessions.id = pr.session_id WHERE pr.url = NEW.pr_url),
        (SELECT session_id FROM pr WHERE url = NEW.pr_url),
        'pr_check_recorded',
        json_object(
            'pr', NEW.pr_url,
            'name', NEW.name,
            'commit', NEW.commit_hash,
            'status', NEW.status
        ),
        NEW.created_at
    );
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pr_checks_cdc_update
AFTER UPDATE ON pr_checks
WHEN NEW.status <> OLD.status
BEGIN
    INSERT INTO change_log (project_id, session_id, event_type, payload, created_at)
    VALUES (
        (SELECT sessions.project_id FROM pr JOIN sessions ON sessions.id = pr.session_id WHERE pr.url = NEW.pr_url),
        (SELECT session_id FROM pr WHERE url = NEW.pr_url),
        'pr_check_recorded',
        json_object(
            'pr', NEW.pr_url,
            'name', NEW.name,
            'commit', NEW.commit_hash,
            'status', NEW.status
        ),
        datetime('now')
    );
END;
-- +goose StatementEnd

-- +goose Down

-- As in version 4, the CHECK keeps its longer list.
DROP TRIGGER pr_session_cdc_update;

DELETE FROM change_log
WHERE event_type = 'pr_session_changed';
