-- An agent that reviews the work of a session, and what it found each time.
-- harness, status and verdict have no CHECK: the daemon decides what may stand
-- there, and a new word needs no new schema.

-- +goose Up

-- A session has one reviewer at most.
CREATE TABLE review (
    id                 TEXT PRIMARY KEY,
    session_id         TEXT NOT NULL UNIQUE REFERENCES sessions (id) ON DELETE CASCADE,
    project_id         TEXT NOT NULL REFERENCES projects (id),
    harness            TEXT NOT NULL,
    pr_url             TEXT NOT NULL DEFAULT '',
    reviewer_handle_id TEXT NOT NULL DEFAULT '',
    created_at         TIMESTAMP NOT NULL,
    updated_at         TIMESTAMP NOT NULL
);

CREATE TABLE review_run (
    id         TEXT PRIMARY KEY,
    review_id  TEXT NOT NULL REFERENCES review (id) ON DELETE CASCADE,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    harness    TEXT NOT NULL,
    pr_url     TEXT NOT NULL DEFAULT '',
    target_sha TEXT NOT NULL DEFAULT '',
    status     TEXT NOT NULL DEFAULT 'running',
    verdict    TEXT NOT NULL DEFAULT '',
    body       TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMP NOT NULL
);

-- +goose Down

DROP TABLE review_run;
DROP TABLE review;
