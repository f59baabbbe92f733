'use strict';
const { spawnSync } = require('node:child_process');
const { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { download, sha256 } = require('./download');
const { childEnvironment } = require('./environment');
const { candidates, downloaded, isFile, makeExecutable, release, unsupported } = require('./locate');
const { targetName } = require('./platform');

/** Milliseconds for an executable to say its version. */
const START = 20_000;

const isPinned = async (file, { size, sha256: pinned }) =>
  statSync(file).size === size && (await sha256(file)) === pinned;

/**
 * The executable of this machine, fetched where it is not installed (distribution.md 3). Nothing is run, and nothing is
 * returned, whose sha256 is not pinned in this package; the one exception is what the caller names in AO_MIGRATE_BINARY.
 *
 * @throws Error in one line for a person
 */
async function obtain(env, { target = targetName(), limits } = {}) {
  const entry = release().targets[target];
  const notes = [];
  for (const { file, from } of candidates(env, target)) {
    if (from === 'AO_MIGRATE_BINARY') {
      if (!isFile(file)) throw new Error(`AO_MIGRATE_BINARY names no file: ${file}`);
      return file;
    }
    if (await isPinned(file, entry)) {
      makeExecutable(file);
      return file;
    }
    notes.push(`${file} is not the file of this release`);
    if (from === 'download') rmSync(file, { force: true });
  }
  if (entry === undefined) throw new Error(unsupported(target));
  try {
    return await fetched(target, entry, env, limits);
  } catch (error) {
    throw new Error([...notes, error.message].join('; '));
  }
}

/** Written aside, checked, made executable, asked for its version, renamed: its name is there only when all of it is right. */
async function fetched(target, entry, env, limits) {
  const final = downloaded(target, entry.executable);
  const aside = join(dirname(final), `.${process.pid}-${entry.executable}`);
  try {
    mkdirSync(dirname(final), { recursive: true });
    removeAbandoned(dirname(final));
    await fromAddresses(addresses(entry, env), aside, entry, env, limits);
    chmodSync(aside, 0o755);
    const { version } = release();
    const { status, stdout, error } = spawnSync(aside, ['--version'], {
      env: childEnvironment(env),
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: START,
      windowsHide: true,
    });
    if (status !== 0 || String(stdout).trim() !== version) {
      const why = error === undefined ? 'it does not say that it is this version' : (error.code ?? error.message);
      throw new Error(`the executable for ${target} was fetched but does not start here (${why}), so it was deleted`);
    }
    renameSync(aside, final);
    return final;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** What killed installs have left: files named after a process that is no more. */
function removeAbandoned(folder) {
  for (const name of readdirSync(folder)) {
    const [, pid] = /^\.(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(folder, name), { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** A mirror is laid out as the releases are, in folders by version; a flat folder of one release will do. */
function addresses({ name }, env) {
  const { version, releases } = release();
  const mirror = env.AO_MIGRATE_MIRROR;
  const base = (mirror === undefined || mirror === '' ? releases : mirror).replace(/\/+$/, '');
  if (base === '') throw new Error('no address to fetch it from is known: set AO_MIGRATE_MIRROR');
  const versioned = `${base}/v${version}/${name}`;
  return base === releases ? [versioned] : [versioned, `${base}/${name}`];
}

async function fromAddresses(places, file, entry, env, limits) {
  for (const [index, address] of places.entries()) {
    try {
      return await download(address, file, entry, env, limits);
    } catch (error) {
      if (error.missing === true && index + 1 < places.length) continue;
      throw new Error(`${withoutUser(address)} could not be used: ${error.message}`);
    }
  }
}

/** An address as it may be printed. */
function withoutUser(address) {
  try {
    const url = new URL(address);
    return `${url.origin}${url.pathname}`;
  } catch {
    return 'the address';
  }
}

module.exports = { obtain };
