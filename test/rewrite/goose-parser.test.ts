import { describe, expect, test } from 'bun:test';
import { parseMigration } from '../../src/rewrite/goose-parser';
import { migrationFile } from '../../src/rewrite/migration';
import { migrationProblem } from '../support/migration-problem';

function up(...lines: string[]): string[] {
  return parseMigration('1_x.sql', ['-- +goose Up', ...lines].join('\n')).up.map(({ sql }) => sql);
}

describe('file names', () => {
  test.each([
    ['0001_a.sql', 1],
    ['12_.sql', 12],
    ['7_a_b.sql', 7],
    ['20260101120000_stamp.sql', 20260101120000],
  ])('%s is version %i', (name, version) => {
    expect(migrationFile(name, '').version).toBe(version);
  });

  test.each([
    ['0001.sql', '0001.sql: no underscore after the version number'],
    ['v1_a.sql', 'v1_a.sql: "v1" is not a version number'],
    ['_a.sql', '_a.sql: "" is not a version number'],
    ['1.5_a.sql', '1.5_a.sql: "1.5" is not a version number'],
    ['1e3_a.sql', '1e3_a.sql: "1e3" is not a version number'],
    ['99999999999999999999_a.sql', '99999999999999999999_a.sql: "99999999999999999999" is not a version number'],
    ['0000_a.sql', '0000_a.sql: the version must be 1 or more'],
    ['0001_a.txt', '0001_a.txt: the name of a migration ends in .sql'],
  ])('%s is refused', (name, message) => {
    expect(migrationProblem(() => migrationFile(name, ''))).toBe(message);
  });

  test('the hash is that of the text as UTF-8', () => {
    expect(migrationFile('1_a.sql', 'ä').sha256).toBe(
      '33e6d73fee82904c8d7afb78de1154d1e8dc2a0edb08120e63df5b9385c2d9cc',
    );
  });
});

describe('statements', () => {
  test('end at a line whose last word ends in a semicolon', () => {
    expect(up('SELECT 1;', 'SELECT', '  2', ';', 'SELECT 3; SELECT 4;')).toEqual([
      'SELECT 1;',
      'SELECT\n  2\n;',
      'SELECT 3; SELECT 4;',
    ]);
  });

  test('end before a comment on the same line, which stays', () => {
    expect(up('SELECT 1; -- one', 'SELECT 2;')).toEqual(['SELECT 1; -- one', 'SELECT 2;']);
  });

  test('do not end at a semicolon within the line, in a comment, or stuck to one', () => {
    expect(up("SELECT ';' AS a", '-- end;', 'FROM t --;', ';--x', ';')).toEqual([
      "SELECT ';' AS a\n-- end;\nFROM t --;\n;--x\n;",
    ]);
  });

  test('end at a semicolon behind two dashes that do not begin a word', () => {
    expect(up('SELECT 1--x;', 'SELECT 2;')).toEqual(['SELECT 1--x;', 'SELECT 2;']);
  });

  test('lose the comments and empty lines before them and keep those inside', () => {
    expect(up('', '-- before', '  -- before too', ' ', 'SELECT', '-- inside', '', '1;', '', '-- after')).toEqual([
      'SELECT\n-- inside\n\n1;',
    ]);
  });

  test('may have Windows line ends', () => {
    const { up, down } = parseMigration('1_x.sql', '-- +goose Up\r\nSELECT\r\n1;\r\n-- +goose Down\r\nSELECT 2;\r\n');
    expect([up, down]).toEqual([[{ sql: 'SELECT\n1;', line: 2 }], [{ sql: 'SELECT 2;', line: 5 }]]);
  });

  test('know the line on which they begin', () => {
    const script = parseMigration(
      '1_x.sql',
      '\n-- +goose Up\n\n-- c\nSELECT\n1;\n-- +goose StatementBegin\n\nA;\nB;\n-- +goose StatementEnd',
    );
    expect(script.up).toEqual([
      { sql: 'SELECT\n1;', line: 5 },
      { sql: 'A;\nB;', line: 9 },
    ]);
  });
});

describe('spans', () => {
  test('are one statement, whatever stands in them', () => {
    const body = ['CREATE TRIGGER a AFTER INSERT ON t', 'BEGIN', '  SELECT 1;', '  -- note', '  SELECT 2;', 'END;'];
    expect(up('-- +goose StatementBegin', '-- dropped', ...body, '-- +goose StatementEnd', 'SELECT 3;')).toEqual([
      body.join('\n'),
      'SELECT 3;',
    ]);
  });

  test('need no semicolon', () => {
    expect(up('-- +goose StatementBegin', 'SELECT 1', '-- +goose StatementEnd')).toEqual(['SELECT 1']);
  });

  test('stand after Down too', () => {
    const text = '-- +goose Up\nA;\n-- +goose Down\n-- +goose StatementBegin\nB;\nC;\n-- +goose StatementEnd\nD;';
    expect(parseMigration('1_x.sql', text).down.map(({ sql }) => sql)).toEqual(['B;\nC;', 'D;']);
  });
});

describe('annotations', () => {
  test('are known in any case and with any blanks', () => {
    const text =
      '--+goose UP -- \n-- +goose statementbegin\nA\n--   +GOOSE ignored\n--+goose STATEMENTEND\n-- +goose doWN\nB;';
    const { up, down } = parseMigration('1_x.sql', text);
    expect(up.map(({ sql }) => sql)).toEqual(['A\n--   +GOOSE ignored']);
    expect(down.map(({ sql }) => sql)).toEqual(['B;']);
  });

  test.each([
    ['-- +goose NO TRANSACTION\n-- +goose Up\nA;'],
    ['-- +goose Up\n-- +goose no transaction\nA;'],
    ['-- +goose Up\nA;\n-- +goose Down\nB;\n-- +goose NO TRANSACTION'],
    ['-- +goose Up\nSELECT\n-- +goose NO TRANSACTION\n1;'],
  ])('NO TRANSACTION counts anywhere: %j', (text) => {
    expect(parseMigration('1_x.sql', text).transactional).toBe(false);
  });

  test('a file without NO TRANSACTION has one', () => {
    expect(parseMigration('1_x.sql', '-- +goose Up\n-- NO TRANSACTION\nA;').transactional).toBe(true);
  });

  test('inside a statement are not part of it', () => {
    expect(up('SELECT', '-- +goose ENVSUB OFF', '1;')).toEqual(['SELECT\n1;']);
  });

  test('ENVSUB is taken where nothing would be put in', () => {
    expect(
      up("SELECT '$A';", '-- +goose ENVSUB ON', '-- $A', 'SELECT 1;', '-- +goose ENVSUB OFF', "SELECT '$A';"),
    ).toEqual(["SELECT '$A';", 'SELECT 1;', "SELECT '$A';"]);
  });

  test('Up alone is a whole file', () => {
    expect(parseMigration('1_x.sql', '-- +goose Up')).toEqual({ up: [], down: [], transactional: true });
  });
});

describe('errors name file and line', () => {
  test.each([
    ['', 'f_x.sql: no "-- +goose Up"'],
    ['-- only a comment\n', 'f_x.sql: no "-- +goose Up"'],
    ['-- c\n\nSELECT 1;\n-- +goose Up', 'f_x.sql:3: SQL before "-- +goose Up"'],
    ['\ufeff-- +goose Up\nA;', 'f_x.sql:1: SQL before "-- +goose Up"'],
    ['-- +goose Up\n-- +goose Up', 'f_x.sql:2: a second Up, or an Up after Down'],
    ['-- +goose Up\nA;\n-- +goose Down\n-- +goose Up', 'f_x.sql:4: a second Up, or an Up after Down'],
    ['-- +goose Down\nA;', 'f_x.sql:1: Down before Up'],
    ['-- +goose Up\n-- +goose Down\n-- +goose Down', 'f_x.sql:3: a second Down'],
    [
      '-- +goose Up\n-- +goose StatementBegin\nA;\n-- +goose Down',
      'f_x.sql:4: Down inside the span that begins in line 2',
    ],
    ['-- +goose StatementBegin\n-- +goose Up', 'f_x.sql:1: StatementBegin before Up'],
    [
      '-- +goose Up\n-- +goose StatementBegin\nA;\n-- +goose StatementBegin',
      'f_x.sql:4: StatementBegin inside the span of line 2',
    ],
    ['-- +goose Up\nA;\n-- +goose StatementEnd', 'f_x.sql:3: StatementEnd without StatementBegin'],
    ['-- +goose Up\n-- +goose StatementBegin\nA;', 'f_x.sql:2: StatementBegin without StatementEnd'],
    [
      '-- +goose Up\n-- +goose StatementBegin\n-- c\n\n-- +goose StatementEnd\nA;',
      'f_x.sql:5: nothing in the span that begins in line 2',
    ],
    ['-- +goose Up\nA;\n\nB\nC', 'f_x.sql:4: the statement that begins here has no semicolon at its end'],
    ['-- +goose Up\nA\n-- +goose Down', 'f_x.sql:2: the statement that begins here has no semicolon at its end'],
    [
      '-- +goose Up\nA\n-- +goose StatementBegin\nB;\n-- +goose StatementEnd',
      'f_x.sql:2: the statement that begins here has no semicolon at its end',
    ],
    ['-- +goose Up\n-- +goose Down\nA', 'f_x.sql:3: the statement that begins here has no semicolon at its end'],
    ['-- +goose Up\n -- +goose Down', 'f_x.sql:2: an annotation must begin in the first column'],
    ['-- +goose Up\n\t-- +goose Down', 'f_x.sql:2: an annotation must begin in the first column'],
    ['-- +goose', 'f_x.sql:1: an annotation without a word'],
    ['-- +goose Upp', 'f_x.sql:1: unknown annotation "Upp"'],
    ['-- +goose Up +goose Down', 'f_x.sql:1: unknown annotation "Up +goose Down"'],
    ['-- +goose Up\nA;\n-- as +goose does', 'f_x.sql:3: unknown annotation "as  does"'],
    ['-- +goose Up\n-- +goose NO  TRANSACTION', 'f_x.sql:2: unknown annotation "NO  TRANSACTION"'],
    [
      '-- +goose Up\n-- +goose ENVSUB ON\nSELECT\n$HOME;',
      'f_x.sql:4: variables of the environment are not put into migrations',
    ],
  ])('%j', (text, message) => {
    expect(migrationProblem(() => parseMigration('f_x.sql', text))).toBe(message);
  });
});
