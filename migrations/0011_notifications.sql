-- Things that a person should look at.

-- +goose Up

-- pr_url does not refer to pr: a notification outlives the row, and most have none.
CREATE TABLE notifications (
    id         TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    pr_url     TEXT NOT NULL DEFAULT '',
    type       TEXT NOT NULL
        CHECK (type IN ('needs_input', 'ready_to_merge', 'pr_merged', 'pr_closed_unmerged')),
    title      TEXT NOT NULL,
    body       TEXT NOT NULL DEFAULT '',
    status     TEXT NOT NULL DEFAULT 'unread'
        CHECK (status IN ('read', 'unread')),
    created_at TIMESTAMP NOT NULL
);

-- The newest first, as they are shown.
CREATE INDEX idx_notifications_status ON notifications (status, created_at DESC);

-- The same thing is told once until it was read. A later version of the daemon
-- drops this index by its name to put another rule in its place; under another
-- name both rules would hold.
CREATE UNIQUE INDEX idx_notifications_unread_dedupe
    ON notifications (session_id, type, pr_url)
    WHERE status = 'unread';

-- +goose Down

DROP TABLE notifications;
