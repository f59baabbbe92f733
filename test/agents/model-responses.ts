import { asList, asObject, type Json, namesOf, replyTo, type StreamEvent, textOf } from './model';

/** The Responses API, which Codex speaks; always as a stream. */
export function answerResponses(body: Json): StreamEvent[] {
  const last = asList(body.input).at(-1);
  const said = last?.role === 'user' ? textOf(last.content) : null;
  const reply = replyTo({ said, tools: namesOf(body.tools) });
  const id = crypto.randomUUID().replaceAll('-', '');
  const item =
    reply.kind === 'tool'
      ? {
          type: 'function_call',
          id: `fc_${id}`,
          call_id: reply.id,
          name: reply.tool,
          arguments: JSON.stringify(reply.input),
          status: 'completed',
        }
      : {
          type: 'message',
          id: `msg_${id}`,
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: reply.text, annotations: [] }],
        };
  const response = { id: `resp_${id}`, object: 'response', created_at: 0, model: body.model, output: [] };
  const usage = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 5,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 15,
  };
  const events: Json[] = [
    { type: 'response.created', response: { ...response, status: 'in_progress' } },
    { type: 'response.output_item.added', output_index: 0, item: { ...item, ...begun(reply.kind) } },
  ];
  if (reply.kind === 'text') {
    const { id: item_id } = item;
    events.push({ type: 'response.output_text.delta', item_id, output_index: 0, content_index: 0, delta: reply.text });
  }
  events.push(
    { type: 'response.output_item.done', output_index: 0, item },
    { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage } },
  );
  return events.map((event): StreamEvent => [String(event.type), asObject(event)]);
}

function begun(kind: 'text' | 'tool'): Json {
  return kind === 'tool' ? { status: 'in_progress', arguments: '' } : { status: 'in_progress', content: [] };
}
