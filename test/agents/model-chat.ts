import { asList, type Json, namesOf, replyTo, type StreamEvent, stream, textOf } from './model';

/** The Chat Completions API, which OpenCode speaks to a provider that it does not know. */
export function answerChat(body: Json): Response {
  const last = asList(body.messages).at(-1);
  const said = last?.role === 'user' ? textOf(last.content) : null;
  const reply = replyTo({ said, tools: namesOf(body.tools) });
  const isTool = reply.kind === 'tool';
  const content = isTool
    ? {
        tool_calls: [
          {
            index: 0,
            id: reply.id,
            type: 'function',
            function: { name: reply.tool, arguments: JSON.stringify(reply.input) },
          },
        ],
      }
    : { content: reply.text };
  const message = { role: 'assistant', ...content };
  const finish_reason = isTool ? 'tool_calls' : 'stop';
  const base = { id: `chatcmpl-${crypto.randomUUID()}`, created: 0, model: body.model };
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  if (body.stream !== true)
    return Response.json({
      ...base,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason }],
      usage,
    });
  const chunk = (choice: Json, more: Json = {}): StreamEvent => [
    null,
    { ...base, object: 'chat.completion.chunk', choices: [{ index: 0, ...choice }], ...more },
  ];
  return stream([
    chunk({ delta: message, finish_reason: null }),
    chunk({ delta: {}, finish_reason }, { usage }),
    [null, '[DONE]'],
  ]);
}
