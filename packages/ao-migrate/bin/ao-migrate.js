#!/usr/bin/env node
'use strict';
// Runs the executable of this machine in place of itself: same arguments, same streams, same end. Loads as little as it
// can, because people wait for it.
const { spawn } = require('node:child_process');
const { closeSync, openSync } = require('node:fs');
const { constants } = require('node:os');
const { isatty } = require('node:tty');
const { childEnvironment } = require('../lib/environment');
const { locate } = require('../lib/locate');

// A person's Ctrl-C reaches the executable by itself, as it has the same terminal; a second one would make it stop at
// once instead of putting things back. Streams that all lead elsewhere say nothing about that, so the terminal itself is
// asked for. Where there is no such file the descriptors are, because `process.stdin` and the like take milliseconds.
function isOnTerminal() {
  if (process.platform === 'win32') return [0, 1, 2].some((descriptor) => isatty(descriptor));
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

const onTerminal = isOnTerminal();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'].filter(
  (signal) => constants.signals[signal] !== undefined,
);

/** The three standard streams, and the one that --progress-fd names: others are closed on the way. */
function streams(args) {
  const at = args.findIndex((arg) => arg === '--progress-fd' || arg.startsWith('--progress-fd='));
  const text = at === -1 ? '' : args[at].includes('=') ? args[at].slice(args[at].indexOf('=') + 1) : args[at + 1];
  const descriptor = /^\d{1,2}$/.test(text ?? '') ? Number(text) : 0;
  const between = Math.max(0, descriptor - 3);
  return ['inherit', 'inherit', 'inherit', ...Array(between).fill('ignore'), ...(descriptor > 2 ? [descriptor] : [])];
}

function fail(message) {
  process.stderr.write(`ao-migrate: ${message}\n`);
  process.exitCode = 1;
}

function launch(file, args) {
  // Before the start: a signal that comes during it would end this process alone.
  const handlers = SIGNALS.map((signal) => {
    const handler = () => {
      if (!(signal === 'SIGINT' && onTerminal)) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  const child = spawn(file, args, { stdio: streams(args), env: childEnvironment(process.env), windowsHide: false });
  child.on('error', (error) => fail(`${file} cannot be started (${error.code ?? error.message})`));
  child.on('exit', (code, signal) => {
    for (const [name, handler] of handlers) process.off(name, handler);
    // At once: nothing of this process is left to be written.
    if (signal === null) process.exit(code ?? 1);
    const problem = require('../lib/ending').startProblem(signal);
    if (problem === null) process.kill(process.pid, signal);
    else fail(problem);
  });
}

const found = locate(process.env);
if (found.file === null) fail(found.problem);
else launch(found.file, process.argv.slice(2));
