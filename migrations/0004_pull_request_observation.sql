-- What an observer of the code host learns about a pull request: its full
-- description, the outcome of checks, and the threads of its review.

-- +goose Up

-- What and where, as the provider reports it.
ALTER TABLE pr ADD COLUMN provider TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN host TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN repo TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN source_branch TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN target_branch TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN head_sha TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN title TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN additions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pr ADD COLUMN deletions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pr ADD COLUMN changed_files INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pr ADD COLUMN author TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN base_sha TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN merge_commit_sha TEXT NOT NULL DEFAULT '';

-- Its state in the words of the provider, beside the daemon's own in pr_state
-- and mergeability.
ALTER TABLE pr ADD COLUMN is_draft INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pr ADD COLUMN is_merged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pr ADD COLUMN is_closed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pr ADD COLUMN provider_state TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN provider_mergeable TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN provider_merge_state_status TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN html_url TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN created_at_provider TIMESTAMP;
ALTER TABLE pr ADD COLUMN updated_at_provider TIMESTAMP;
ALTER TABLE pr ADD COLUMN merged_at_provider TIMESTAMP;
ALTER TABLE pr ADD COLUMN closed_at_provider TIMESTAMP;

-- What was last seen and when, so that an unchanged answer is not written again.
ALTER TABLE pr ADD COLUMN metadata_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN ci_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN review_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE pr ADD COLUMN observed_at TIMESTAMP;
ALTER TABLE pr ADD COLUMN ci_observed_at TIMESTAMP;
ALTER TABLE pr ADD COLUMN review_observed_at TIMESTAMP;

ALTER TABLE pr_checks ADD COLUMN conclusion TEXT NOT NULL DEFAULT '';
ALTER TABLE pr_checks ADD COLUMN details TEXT NOT NULL DEFAULT '';

ALTER TABLE pr_comment ADD COLUMN thread_id TEXT NOT NULL DEFAULT '';
ALTER TABLE pr_comment ADD COLUMN url TEXT NOT NULL DEFAULT '';
ALTER TABLE pr_comment ADD COLUMN is_bot INTEGER NOT NULL DEFAULT 0;

CREATE TABLE pr_review_threads (
    pr_url        TEXT NOT NULL REFERENCES pr (url) ON DELETE CASCADE,
    thread_id     TEXT NOT NULL,
    path          TEXT NOT NULL DEFAULT '',
    line          INTEGER NOT NULL DEFAULT 0,
    resolved      INTEGER NOT NULL DEFAULT 0,
    is_bot        INTEGER NOT NULL DEFAULT 0,
    semantic_hash TEXT NOT NULL DEFAULT '',
    updated_at    TIMESTAMP NOT NULL,
    PRIMARY KEY (pr_url, thread_id)
);

CREATE INDEX idx_pr_review_threads_lookup ON pr_review_threads (pr_url, updated_at);

-- SQLite cannot change a CHECK, so two more event types mean a new change_log.
-- RENAME reads all triggers and fails at one whose body names a table that is not
-- there; so those that write the log go first and come back below, unchanged.
-- Entries keep their seq.
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
            'pr_created', 'pr_updated', 'pr_check_recorded',
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

-- +goose Down

-- The longer list of event types stays in the CHECK: to shorten it would mean
-- the same rebuild again, and version 4 replaces the table anyway.
DROP TABLE pr_review_threads;

DELETE FROM change_log
WHERE event_type IN ('pr_review_thread_added', 'pr_review_thread_resolved');

ALTER TABLE pr_comment DROP COLUMN is_bot;
ALTER TABLE pr_comment DROP COLUMN url;
ALTER TABLE pr_comment DROP COLUMN thread_id;

ALTER TABLE pr_checks DROP COLUMN details;
ALTER TABLE pr_checks DROP COLUMN conclusion;

ALTER TABLE pr DROP COLUMN review_observed_at;
ALTER TABLE pr DROP COLUMN ci_observed_at;
ALTER TABLE pr DROP COLUMN observed_at;
ALTER TABLE pr DROP COLUMN review_hash;
ALTER TABLE pr DROP COLUMN ci_hash;
ALTER TABLE pr DROP COLUMN metadata_hash;
ALTER TABLE pr DROP COLUMN closed_at_provider;
ALTER TABLE pr DROP COLUMN merged_at_provider;
ALTER TABLE pr DROP COLUMN updated_at_provider;
ALTER TABLE pr DROP COLUMN created_at_provider;
ALTER TABLE pr DROP COLUMN html_url;
ALTER TABLE pr DROP COLUMN provider_merge_state_status;
ALTER TABLE pr DROP COLUMN provider_mergeable;
ALTER TABLE pr DROP COLUMN provider_state;
ALTER TABLE pr DROP COLUMN is_closed;
ALTER TABLE pr DROP COLUMN is_merged;
ALTER TABLE pr DROP COLUMN is_draft;
ALTER TABLE pr DROP COLUMN merge_commit_sha;
ALTER TABLE pr DROP COLUMN base_sha;
ALTER TABLE pr DROP COLUMN author;
ALTER TABLE pr DROP COLUMN changed_files;
ALTER TABLE pr DROP COLUMN deletions;
ALTER TABLE pr DROP COLUMN additions;
ALTER TABLE pr DROP COLUMN title;
ALTER TABLE pr DROP COLUMN head_sha;
ALTER TABLE pr DROP COLUMN target_branch;
ALTER TABLE pr DROP COLUMN source_branch;
ALTER TABLE pr DROP COLUMN repo;
ALTER TABLE pr DROP COLUMN host;
ALTER TABLE pr DROP COLUMN provider;
