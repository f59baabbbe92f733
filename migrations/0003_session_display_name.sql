-- A name that people give to a session; empty means that the id is shown.

-- +goose Up

ALTER TABLE sessions ADD COLUMN display_name TEXT NOT NULL DEFAULT '';

-- +goose Down

ALTER TABLE sessions DROP COLUMN display_name;
