#!/usr/bin/env node
'use strict';
/*
 * Run by package managers after installing, and by the postinstall of other packages:
 *
 *     require('ao-migrate/postinstall').postinstall()
 *
 * Finds or fetches the executable and lets it decide whether to migrate (`ao-migrate postinstall`). Never fails an
 * install and never waits for anybody: it resolves whatever happens, and says at most one line on stderr.
 */
const { spawn } = require('node:child_process');
const { startProblem } = require('./ending');
const { childEnvironment } = require('./environment');
const { obtain } = require('./ladder');

/** The executable ends by itself after 60 s; this is for one that hangs. Its journal lets the next run clean up. Milliseconds. */
const LIMIT = { polite: 75_000, forced: 10_000 };

function migrate(file, env) {
  return new Promise((resolve) => {
    const stop = () => child.kill('SIGTERM');
    // Before the start: a signal that comes during it would end this process, and so the install.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    const child = spawn(file, ['postinstall'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: childEnvironment(env),
      windowsHide: true,
    });
    const polite = setTimeout(() => child.kill('SIGTERM'), LIMIT.polite);
    const forced = setTimeout(() => child.kill('SIGKILL'), LIMIT.polite + LIMIT.forced);
    const done = (problem) => {
      clearTimeout(polite);
      clearTimeout(forced);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(signal, stop);
      resolve(problem);
    };
    child.on('error', (error) => done(`${file} cannot be started (${error.code ?? error.message})`));
    child.on('exit', (code, signal) =>
      done(
        code === 0
          ? null
          : (startProblem(signal) ?? 'the migration was interrupted; the next run finishes or undoes it'),
      ),
    );
  });
}

async function postinstall(env = process.env) {
  let problem;
  try {
    problem = await migrate(await obtain(env), env);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  if (problem !== null)
    process.stderr.write(`ao-migrate: ${problem.replace(/\s+/g, ' ')} (later: run \`ao-migrate\`)\n`);
}

module.exports = { postinstall };

if (require.main === module) {
  process.on('uncaughtException', () => process.exit(0));
  postinstall().then(() => process.exit(0));
}
