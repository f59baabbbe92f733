import { expect } from 'bun:test';
import * as v from 'valibot';
import { DOCUMENT_SCHEMAS } from '../../src/report/schema';

type Name = keyof typeof DOCUMENT_SCHEMAS;

/** The schema that describes the document of a command, `help` and `version` included. */
export function schemaOf(command: string): (typeof DOCUMENT_SCHEMAS)[Name] {
  const name = command === 'postinstall' ? 'migrate' : ['help', 'version'].includes(command) ? 'about' : command;
  const found = Object.entries(DOCUMENT_SCHEMAS).find(([each]) => each === name)?.[1];
  if (found === undefined) throw new Error(`no schema for ${command}`);
  return found;
}

/**
 * The document of a run, read as a caller reads it: both streams as one text, from the first brace to the last
 * (migration.md 10). It must be the one object on stdout, and its own schema must accept it.
 */
export function documentIn(streams: { readonly stdout: string; readonly stderr: string }): Record<string, unknown> {
  const { stdout, stderr } = streams;
  expect(stderr).not.toMatch(/[{}]/);
  for (const joined of [stdout + stderr, stderr + stdout]) {
    const cut = joined.slice(joined.indexOf('{'), joined.lastIndexOf('}') + 1);
    expect(JSON.parse(cut)).toEqual(JSON.parse(stdout));
  }
  const document: unknown = JSON.parse(stdout);
  const head = v.parse(v.looseObject({ command: v.string() }), document);
  const parsed = v.safeParse(schemaOf(head.command), document);
  const problems = parsed.issues?.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`) ?? [];
  expect({ command: head.command, problems }).toEqual({ command: head.command, problems: [] });
  return { ...head };
}
