import { appendFileSync } from 'node:fs';
import { answerChat } from './model-chat';
import { answerMessages } from './model-messages';
import { answerResponses } from './model-responses';

/** A model on the loopback device that nobody thinks behind: what the agents ask, and what they get for an answer. */

/** One request of an agent, as a line of the log. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  /** The body as JSON; its text where it is none. */
  readonly body: unknown;
}

/** What one of the three APIs needs to answer a turn. */
export interface Turn {
  /** The last thing that a person said, or null where the conversation goes on after a tool. */
  readonly said: string | null;
  /** Names of the tools that the agent offers. */
  readonly tools: readonly string[];
}

/** What the model does in a turn: says something, or asks for the working directory through a tool of the agent. */
export type Reply =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'tool'; readonly id: string; readonly tool: string; readonly input: Record<string, unknown> };

/** In a prompt: makes the model run `pwd` through the agent, under this id. */
export const ASK_DIRECTORY = /\[pwd:([a-z0-9]+)\]/;

/** Shells of the agents by the name of the tool, and how each takes a command. */
const SHELLS: readonly (readonly [name: string, input: (command: string) => Record<string, unknown>])[] = [
  ['Bash', (command) => ({ command, description: 'Show the working directory' })],
  ['bash', (command) => ({ command, description: 'Show the working directory' })],
  ['exec_command', (cmd) => ({ cmd })],
  ['shell_command', (command) => ({ command })],
  ['shell', (command) => ({ command: ['bash', '-c', command] })],
];

export function replyTo({ said, tools }: Turn): Reply {
  const id = ASK_DIRECTORY.exec(said ?? '')?.[1];
  const shell = SHELLS.find(([name]) => tools.includes(name));
  if (id === undefined || shell === undefined) return { kind: 'text', text: 'Understood, and written down.' };
  const [tool, input] = shell;
  return { kind: 'tool', id: `call_${id}`, tool, input: input('pwd') };
}

/** One event of a stream: its name, or null where the API names none, and its data. */
export type StreamEvent = readonly [name: string | null, data: unknown];

/** Starts to listen on a free port. `log` gets one line of JSON for each request, before it is answered. */
export function startModel(log: string): { readonly url: string; stop(): Promise<void> } {
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const body = await bodyOf(request);
      const asked: Asked = { method: request.method, path: pathname, body };
      appendFileSync(log, `${JSON.stringify(asked)}\n`);
      if (request.method !== 'POST') return Response.json({ object: 'list', data: [], models: [] });
      if (pathname.endsWith('/count_tokens')) return Response.json({ input_tokens: 42 });
      if (pathname.endsWith('/v1/messages')) return answerMessages(asObject(body));
      if (pathname.endsWith('/responses')) return stream(answerResponses(asObject(body)));
      if (pathname.endsWith('/chat/completions')) return answerChat(asObject(body));
      return Response.json({});
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

async function bodyOf(request: Request): Promise<unknown> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  const encoding = request.headers.get('content-encoding');
  const plain =
    encoding === 'zstd' ? Bun.zstdDecompressSync(bytes) : encoding === 'gzip' ? Bun.gunzipSync(bytes) : bytes;
  const text = new TextDecoder().decode(plain);
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return text;
  }
}

/** Server-sent events, all at once: agents read them as they come, and there is nothing to wait for. */
export function stream(events: readonly StreamEvent[]): Response {
  const text = events.map(([name, data]) => {
    const line = `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
    return name === null ? line : `event: ${name}\n${line}`;
  });
  return new Response(text.join(''), { headers: { 'content-type': 'text/event-stream', connection: 'close' } });
}

export type Json = Readonly<Record<string, unknown>>;

export function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function asList(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

/** Text of a message's content, which is a string or a list of blocks that hold some. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return asList(content)
    .flatMap(({ text }) => (typeof text === 'string' ? [text] : []))
    .join('\n');
}

export function namesOf(tools: unknown): readonly string[] {
  return asList(tools).flatMap((tool) => {
    const name = tool.name ?? asObject(tool.function).name;
    return typeof name === 'string' ? [name] : [];
  });
}
