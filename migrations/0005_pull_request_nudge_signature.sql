-- What an agent was last told about its pull request, so that it is not told
-- twice. A small JSON document of the daemon's own; empty means not told yet.

-- +goose Up

ALTER TABLE pr ADD COLUMN last_nudge_signature TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE pr DROP COLUMN last_nudge_signature;
