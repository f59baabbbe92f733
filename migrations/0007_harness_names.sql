-- Every agent that the daemon can start may be named by a session.
--
-- A CHECK can only be changed by a new table or by an edit of the stored schema.
-- sessions is referred to by other tables and by most triggers, so the stored
-- text is edited: the list grows, every row that was valid stays valid, and the
-- layout of the rows is the same. This cannot run inside a transaction.
--
-- Drivers in defensive mode ignore writable_schema. The runner of this tool has
-- one of those: it recognises the span below, in exactly this form, and gets to
-- the same stored text in another way.

-- +goose NO TRANSACTION
-- +goose Up

-- One span, so that a driver with several connections runs it all on one.

-- +goose StatementBegin
PRAGMA writable_schema = ON;

UPDATE sqlite_master
SET sql = replace(
    sql,
    'CHECK (harness IN ('''', ''claude-code'', ''codex'', ''aider'', ''opencode''))',
    'CHECK (harness IN ('''', ''claude-code'', ''codex'', ''aider'', ''opencode'', ''grok'', ''droid'', ''amp'', ''agy'', ''crush'', ''cursor'', ''qwen'', ''copilot'', ''goose'', ''auggie'', ''continue'', ''devin'', ''cline'', ''kimi'', ''kiro'', ''kilocode'', ''vibe'', ''pi'', ''autohand''))'
)
WHERE type = 'table' AND name = 'sessions';

PRAGMA writable_schema = RESET;
-- +goose StatementEnd

-- +goose Down

-- A name that the shorter list lacks would leave rows that break their own CHECK.
UPDATE sessions
SET harness = ''
WHERE harness NOT IN ('', 'claude-code', 'codex', 'aider', 'opencode');

-- +goose StatementBegin
PRAGMA writable_schema = ON;

UPDATE sqlite_master
SET sql = replace(
    sql,
    'CHECK (harness IN ('''', ''claude-code'', ''codex'', ''aider'', ''opencode'', ''grok'', ''droid'', ''amp'', ''agy'', ''crush'', ''cursor'', ''qwen'', ''copilot'', ''goose'', ''auggie'', ''continue'', ''devin'', ''cline'', ''kimi'', ''kiro'', ''kilocode'', ''vibe'', ''pi'', ''autohand''))',
    'CHECK (harness IN ('''', ''claude-code'', ''codex'', ''aider'', ''opencode''))'
)
WHERE type = 'table' AND name = 'sessions';

PRAGMA writable_schema = RESET;
-- +goose StatementEnd
