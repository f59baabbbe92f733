-- Settings of a project as one JSON document; NULL means that it has none.

-- +goose Up

ALTER TABLE projects ADD COLUMN config TEXT;

-- +goose Down

ALTER TABLE projects DROP COLUMN config;
