-- The daemon's first tables: projects, the sessions that run in them, the pull
-- requests that sessions open, and a log of changes that clients follow.
--
-- In all twelve files comments stand above a statement and not inside it. What
-- stands inside a CREATE statement is stored in every database, and later
-- ALTER TABLE statements splice their columns into that stored text.

-- +goose Up

-- Text keys carry no NOT NULL on purpose: the daemon's own tables have none, and
-- a database made here must not be told apart from one made there.
CREATE TABLE projects (
    id              TEXT PRIMARY KEY,
    path            TEXT NOT NULL,
    repo_origin_url TEXT NOT NULL DEFAULT '',
    display_name    TEXT NOT NULL DEFAULT '',
    registered_at   TIMESTAMP NOT NULL,
    archived_at     TIMESTAMP
);

-- num counts within a project and makes the readable part of a worker's id.
--
-- The CHECK on harness is searched for as text, blank for blank, by version 7
-- and by later versions of the daemon. In any other spelling their replacement
-- finds nothing, says nothing, and the newest daemon then refuses to start.
CREATE TABLE sessions (
    id                TEXT PRIMARY KEY,
    project_id        TEXT NOT NULL REFERENCES projects (id),
    num               INTEGER NOT NULL,
    issue_id          TEXT NOT NULL DEFAULT '',
    kind              TEXT NOT NULL DEFAULT 'worker'
        CHECK (kind IN ('worker', 'orchestrator')),
    harness           TEXT NOT NULL DEFAULT ''
        CHECK (harness IN ('', 'claude-code', 'codex', 'aider', 'opencode')),
    activity_state    TEXT NOT NULL DEFAULT 'idle'
        CHECK (activity_state IN ('active', 'idle', 'waiting_input', 'blocked', 'exited')),
    activity_last_at  TIMESTAMP NOT NULL,
    activity_source   TEXT NOT NULL DEFAULT 'none'
        CHECK (activity_source IN ('native', 'terminal', 'hook', 'runtime', 'none')),
    is_terminated     BOOLEAN NOT NULL DEFAULT FALSE,
    branch            TEXT NOT NULL DEFAULT '',
    workspace_path    TEXT NOT NULL DEFAULT '',
    runtime_handle_id TEXT NOT NULL DEFAULT '',
    agent_session_id  TEXT NOT NULL DEFAULT '',
    prompt            TEXT NOT NULL DEFAULT '',
    created_at        TIMESTAMP NOT NULL,
    updated_at        TIMESTAMP NOT NULL,
    UNIQUE (project_id, num)
);

CREATE INDEX idx_sessions_project ON sessions (project_id);

CREATE TABLE pr (
    url             TEXT PRIMARY KEY,
    session_id      TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    number          INTEGER NOT NULL DEFAULT 0,
    pr_state        TEXT NOT NULL DEFAULT 'open'
        CHECK (pr_state IN ('draft', 'open', 'merged', 'closed')),
    review_decision TEXT NOT NULL DEFAULT 'none'
        CHECK (review_decision IN ('none', 'approved', 'changes_requested', 'review_required')),
    ci_state        TEXT NOT NULL DEFAULT 'unknown'
        CHECK (ci_state IN ('unknown', 'pending', 'passing', 'failing')),
    mergeability    TEXT NOT NULL DEFAULT 'unknown'
        CHECK (mergeability IN ('unknown', 'mergeable', 'conflicting', 'blocked', 'unstable')),
    updated_at      TIMESTAMP NOT NULL
);

CREATE INDEX idx_pr_session ON pr (session_id);

-- One row per check and commit, so that the runs of an earlier push stay.
CREATE TABLE pr_checks (
    pr_url      TEXT NOT NULL REFERENCES pr (url) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    commit_hash TEXT NOT NULL,
    status      TEXT NOT NULL DEFAULT 'unknown'
        CHECK (status IN ('unknown', 'queued', 'in_progress', 'passed', 'failed', 'skipped', 'cancelled')),
    url         TEXT NOT NULL DEFAULT '',
    log_tail    TEXT NOT NULL DEFAULT '',
    created_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (pr_url, name, commit_hash)
);

CREATE INDEX idx_pr_checks_lookup ON pr_checks (pr_url, name, created_at);

CREATE TABLE pr_comment (
    pr_url     TEXT NOT NULL REFERENCES pr (url) ON DELETE CASCADE,
    comment_id TEXT NOT NULL,
    author     TEXT NOT NULL DEFAULT '',
    file       TEXT NOT NULL DEFAULT '',
    line       INTEGER NOT NULL DEFAULT 0,
    body       TEXT NOT NULL DEFAULT '',
    resolved   INTEGER NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL,
    PRIMARY KEY (pr_url, comment_id)
);

-- AUTOINCREMENT, because clients remember the last seq they saw: a number must
-- never be given out twice. Without a cascade, so that a log entry holds what it
-- names instead of vanishing with it.
CREATE TABLE change_log (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL REFERENCES projects (id),
    session_id TEXT REFERENCES sessions (id),
    event_type TEXT NOT NULL
        CHECK (event_type IN ('session_created', 'session_updated', 'pr_created', 'pr_updated', 'pr_check_recorded')),
    payload    TEXT NOT NULL CHECK (json_valid(payload)),
    created_at TIMESTAMP NOT NULL DEFAULT (datetime('now'))
);

CREATE INDEX idx_change_log_project ON change_log (project_id, seq);

-- The triggers write the log in the transaction of the change itself, so no
-- writer can forget it. json(...) turns a flag into a JSON boolean; bound as it
-- is, it would be a number.

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

-- The row's created_at is when the check began; the change is now.

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

-- Referring tables go first; each takes its indexes and triggers with it.
DROP TABLE change_log;
DROP TABLE pr_comment;
DROP TABLE pr_checks;
DROP TABLE pr;
DROP TABLE sessions;
DROP TABLE projects;
