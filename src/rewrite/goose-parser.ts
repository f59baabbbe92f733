import { MigrationError } from './migration';

/** What goose hands to the driver in one call; a span may hold several SQL statements. */
export interface Statement {
  readonly sql: string;
  /** 1-based line in the file on which it begins. */
  readonly line: number;
}

/** A migration file taken apart. */
export interface Script {
  readonly up: readonly Statement[];
  readonly down: readonly Statement[];
  /** False where the file says NO TRANSACTION. */
  readonly transactional: boolean;
}

const ANNOTATIONS = [
  'Up',
  'Down',
  'StatementBegin',
  'StatementEnd',
  'NO TRANSACTION',
  'ENVSUB ON',
  'ENVSUB OFF',
] as const;
type Annotation = (typeof ANNOTATIONS)[number];

// White space as Go sees it. JavaScript's own class also holds the byte order mark, before which goose stops.
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const OUTER_SPACE = new RegExp(`^${SPACE}+|${SPACE}+$`, 'g');
const INNER_SPACE = new RegExp(`${SPACE}+`);

/**
 * Reads one file by the rules of goose v3.27.1 (schema-v12.md 1.1), both directions at once. Throws `MigrationError` with
 * the line. It refuses four things that goose lets pass: a span without SQL (goose then swallows the next line), a
 * statement still open where a span begins (goose makes them one), an unfinished statement after Down (goose finds it when
 * it goes down), and `$` under ENVSUB ON (the schema must not depend on the environment).
 */
export function parseMigration(name: string, sql: string): Script {
  const reader = new ScriptReader(name);
  for (const [index, line] of sql.split('\n').entries()) {
    reader.read(line.endsWith('\r') ? line.slice(0, -1) : line, index + 1);
  }
  return reader.finish();
}

class ScriptReader {
  private readonly statements: { readonly up: Statement[]; readonly down: Statement[] } = { up: [], down: [] };
  private section: 'up' | 'down' | null = null;
  private transactional = true;
  private substituting = false;
  /** Line of the StatementBegin that is open. */
  private span: number | null = null;
  private lines: string[] = [];
  /** Line on which the statement in `lines` begins. */
  private begin = 0;

  constructor(private readonly name: string) {}

  read(line: string, number: number): void {
    const trimmed = trim(line);
    const comment = trimmed.startsWith('--');
    if (comment && line.includes('+goose')) this.annotate(this.annotation(line, number), number);
    else this.add(line, number, comment, trimmed === '');
  }

  finish(): Script {
    if (this.section === null) throw this.error(null, 'no "-- +goose Up"');
    if (this.span !== null) throw this.error(this.span, 'StatementBegin without StatementEnd');
    this.demandNothingOpen();
    return { ...this.statements, transactional: this.transactional };
  }

  private annotation(line: string, number: number): Annotation {
    if (/^[ \t]/.test(line)) throw this.error(number, 'an annotation must begin in the first column');
    const word = trim(line.replaceAll('--', '').replace('+goose', ''));
    const known = ANNOTATIONS.find((annotation) => annotation.toLowerCase() === word.toLowerCase());
    if (known === undefined) {
      throw this.error(number, word === '' ? 'an annotation without a word' : `unknown annotation "${word}"`);
    }
    return known;
  }

  private annotate(annotation: Annotation, number: number): void {
    switch (annotation) {
      case 'Up':
        if (this.section !== null) throw this.error(number, 'a second Up, or an Up after Down');
        this.section = 'up';
        return;
      case 'Down':
        if (this.section === null) throw this.error(number, 'Down before Up');
        if (this.section === 'down') throw this.error(number, 'a second Down');
        if (this.span !== null) throw this.error(number, `Down inside the span that begins in line ${this.span}`);
        this.demandNothingOpen();
        this.section = 'down';
        return;
      case 'StatementBegin':
        if (this.section === null) throw this.error(number, 'StatementBegin before Up');
        if (this.span !== null) throw this.error(number, `StatementBegin inside the span of line ${this.span}`);
        this.demandNothingOpen();
        this.span = number;
        return;
      case 'StatementEnd':
        if (this.span === null) throw this.error(number, 'StatementEnd without StatementBegin');
        if (this.text() === '') throw this.error(number, `nothing in the span that begins in line ${this.span}`);
        this.close();
        this.span = null;
        return;
      case 'NO TRANSACTION':
        this.transactional = false;
        return;
      case 'ENVSUB ON':
      case 'ENVSUB OFF':
        this.substituting = annotation === 'ENVSUB ON';
        return;
    }
  }

  /** Comments and empty lines ahead of a statement are dropped; once it has begun they belong to it. */
  private add(line: string, number: number, comment: boolean, blank: boolean): void {
    if (this.lines.length === 0 && (comment || blank)) return;
    if (this.section === null) throw this.error(number, 'SQL before "-- +goose Up"');
    if (this.substituting && line.includes('$')) {
      throw this.error(number, 'variables of the environment are not put into migrations');
    }
    if (this.lines.length === 0) this.begin = number;
    this.lines.push(line);
    if (this.span === null && endsStatement(line)) this.close();
  }

  private close(): void {
    if (this.section !== null) this.statements[this.section].push({ sql: this.text(), line: this.begin });
    this.lines = [];
  }

  private demandNothingOpen(): void {
    if (this.lines.length > 0)
      throw this.error(this.begin, 'the statement that begins here has no semicolon at its end');
  }

  private text(): string {
    return trim(this.lines.join('\n'));
  }

  private error(line: number | null, problem: string): MigrationError {
    return new MigrationError(this.name, line, problem);
  }
}

/** The last word of the line ends in a semicolon; what follows a word that begins with `--` is a comment. */
function endsStatement(line: string): boolean {
  if (!line.includes(';')) return false;
  const words = trim(line).split(INNER_SPACE);
  const comment = words.findIndex((word) => word.startsWith('--'));
  return (comment < 0 ? words : words.slice(0, comment)).at(-1)?.endsWith(';') ?? false;
}

function trim(text: string): string {
  return text.replace(OUTER_SPACE, '');
}
