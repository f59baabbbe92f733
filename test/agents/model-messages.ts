import { asList, type Json, namesOf, replyTo, type StreamEvent, stream, textOf } from './model';

/** The Messages API, which Claude Code speaks. */
export function answerMessages(body: Json): Response {
  const last = asList(body.messages).findLast(({ role }) => role === 'user');
  const isToolResult = asList(last?.content).some(({ type }) => type === 'tool_result');
  const reply = replyTo({ said: isToolResult ? null : textOf(last?.content), tools: namesOf(body.tools) });
  const usage = { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 };
  const message = {
    id: `msg_${crypto.randomUUID().replaceAll('-', '')}`,
    type: 'message',
    role: 'assistant',
    model: body.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
  const stop_reason = reply.kind === 'tool' ? 'tool_use' : 'end_turn';
  const whole =
    reply.kind === 'tool'
      ? { type: 'tool_use', id: reply.id, name: reply.tool, input: reply.input }
      : { type: 'text', text: reply.text };
  if (body.stream !== true) return Response.json({ ...message, content: [whole], stop_reason });
  const empty = reply.kind === 'tool' ? { ...whole, input: {} } : { ...whole, text: '' };
  const delta =
    reply.kind === 'tool'
      ? { type: 'input_json_delta', partial_json: JSON.stringify(reply.input) }
      : { type: 'text_delta', text: reply.text };
  const events: readonly Json[] = [
    { type: 'message_start', message },
    { type: 'content_block_start', index: 0, content_block: empty },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage },
    { type: 'message_stop' },
  ];
  return stream(events.map((event): StreamEvent => [String(event.type), event]));
}
