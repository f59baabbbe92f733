import { rmSync, writeFileSync } from 'node:fs';
import { EXIT } from '../contracts/outcome';
import { Refusal, UsageError } from '../contracts/refusals';
import { bundleEntries } from '../doctor/bundle';
import { type DoctorTools, type Examination, examine } from '../doctor/examine';
import { type Identity, privateParts } from '../doctor/private';
import { tarGz } from '../doctor/tar';
import { type Diagnosis, doctorDocument, undiagnosed } from '../report/doctor-document';
import { doctorText } from '../report/doctor-text';
import { jsonText, type Tool } from '../report/document';
import { refusalText } from '../report/refusal-text';
import { usageText } from '../report/result-text';
import type { Terminal } from '../report/terminal';
import { stands } from '../sessions/entry';
import { isSystemError } from '../sessions/source';
import type { Answer } from './answer';
import type { FlagValues } from './arguments';
import { placeOutside } from './output-place';

/** What the command needs of the process that it runs in. */
export interface DoctorSurroundings extends DoctorTools {
  readonly tool: Tool;
  readonly terminal: Terminal;
  readonly errorTerminal: Terminal;
  readonly identity: Identity;
}

type DoctorFlags = Pick<FlagValues, 'json' | 'verbose' | 'from' | 'config' | 'data-dir' | 'bundle'>;

/** `ao-migrate doctor`: checks the machine and both stores; exit code 4 where something is wrong. Writes only the bundle. */
export async function doctor(flags: DoctorFlags, around: DoctorSurroundings): Promise<Answer> {
  const { machine, tool } = around;
  try {
    const question = { from: flags.from ?? null, config: flags.config ?? null, dataDir: flags['data-dir'] ?? null };
    const examination = await examine(question, around);
    const found = examination.checks.some(({ state }) => state === 'fail');
    const diagnosis: Diagnosis = {
      status: found ? 'found' : 'ok',
      checks: examination.checks,
      schemaVersion: examination.facts?.version ?? 0,
      bundle: null,
      notes: examination.survey?.plan.notes ?? [],
      refusal: null,
    };
    const bundle =
      flags.bundle === undefined ? null : await writtenBundle(flags.bundle, examination, diagnosis, around);
    const told = { ...diagnosis, bundle };
    const context = { terminal: around.terminal, home: machine.home, verbose: flags.verbose, rollbackCommand: null };
    return {
      exitCode: found ? EXIT.found : EXIT.done,
      stdout: flags.json ? jsonText(doctorDocument(told, tool)) : doctorText(told, context),
      stderr: '',
    };
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof UsageError)) throw error;
    const isRefusal = error instanceof Refusal;
    const report = { code: isRefusal ? error.code : ('USAGE' as const), message: error.message, hint: error.hint };
    const shown = { terminal: around.errorTerminal, home: machine.home };
    return {
      exitCode: isRefusal ? EXIT.refused : EXIT.usage,
      stdout: flags.json ? jsonText(doctorDocument(undiagnosed(isRefusal ? 'refused' : 'usage', report), tool)) : '',
      stderr: isRefusal ? refusalText(report, shown) : usageText(error, around.errorTerminal),
    };
  }
}

/**
 * Writes the support archive, which must not exist yet; its path.
 *
 * @throws UsageError, Refusal NOT_WRITABLE or NO_SPACE
 */
async function writtenBundle(
  name: string,
  examination: Examination,
  diagnosis: Diagnosis,
  { machine, tool, identity }: DoctorSurroundings,
): Promise<string> {
  const { root } = examination.location;
  const file = placeOutside(name, '--bundle', root === null ? [] : [root], machine);
  if (stands(file)) throw existing(name);
  const document = doctorDocument(diagnosis, tool);
  const secrets = privateParts(machine, identity, examination.survey);
  const bytes = tarGz(await bundleEntries({ examination, document, machine, tool, private: secrets }), machine.now());
  try {
    writeFileSync(file, bytes, { flag: 'wx', mode: 0o600 });
    return file;
  } catch (error) {
    if (isSystemError(error, 'ENOSPC', 'EDQUOT', 'EIO')) {
      rmSync(file, { force: true });
      throw new Refusal('NO_SPACE', `The support archive does not fit at ${file}.`, 'Name a file on another disk.');
    }
    if (isSystemError(error, 'EEXIST')) throw existing(name);
    throw new Refusal(
      'NOT_WRITABLE',
      `The support archive cannot be written to ${file}.`,
      'Name a file in another folder.',
    );
  }
}

function existing(name: string): UsageError {
  return new UsageError(`--bundle ${name}: this file exists already`, 'Name a file that does not exist.');
}
