'use strict';
const { accessSync, chmodSync, constants, readFileSync, statSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { targetName } = require('./platform');

const ROOT = join(__dirname, '..');

const isFile = (file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true;

/** What the release holds: version, address, and of each target package, file, size and sha256. */
const release = () => require('../release.json');

/** Where a download for a target goes. */
const downloaded = (target, file) => join(ROOT, 'vendor', target, file);

/**
 * Folder of a platform package, or null. Its version must be this one's: package managers can leave an old one behind.
 * Beside this package is where it mostly is, and looked at without Node's resolution, which takes milliseconds.
 */
function packageFolder(name, version) {
  const beside = () => join(ROOT, '..', name);
  const below = () => join(ROOT, 'node_modules', name);
  const resolved = () => dirname(require.resolve(`${name}/package.json`, { paths: [ROOT] }));
  for (const place of [beside, below, resolved]) {
    try {
      const folder = place();
      if (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version === version) return folder;
    } catch {
      // Not there.
    }
  }
  return null;
}

/** Files that may be the executable, in the order of trust: the caller's own, the platform package, an earlier download. */
function candidates(env, target = targetName()) {
  const { version, targets } = release();
  const own = env.AO_MIGRATE_BINARY;
  if (own !== undefined && own !== '') return [{ file: own, from: 'AO_MIGRATE_BINARY' }];
  const entry = targets[target];
  if (entry === undefined) return [];
  const folder = packageFolder(entry.package, version);
  const found = folder === null ? [] : [{ file: join(folder, 'bin', entry.executable), from: 'package' }];
  return [...found, { file: downloaded(target, entry.executable), from: 'download' }].filter(({ file }) =>
    isFile(file),
  );
}

/** Some installers drop the mode; a file that we may not change is reported by the start itself. */
function makeExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
  } catch {
    try {
      chmodSync(file, 0o755);
    } catch {
      // Not ours to change.
    }
  }
}

function unsupported(target) {
  return `there is no executable for ${target}; there is one for ${Object.keys(release().targets).join(', ')}`;
}

function missing(target) {
  const { version, targets } = release();
  const others = Object.keys(targets).filter((name) => packageFolder(targets[name].package, version) !== null);
  const why =
    others.length === 0 ? '' : `, only the one for ${others.join(', ')}: was this folder copied from another machine?`;
  return `the executable for ${target} is not installed${why || '.'} To fetch and check it, run: node "${join(__dirname, 'fetch.js')}"`;
}

/**
 * The executable to run. `file` is null where there is none, and `problem` then says what to do in one line.
 * Does not hash what a package manager has checked already.
 */
function locate(env, target = targetName()) {
  const [first] = candidates(env, target);
  if (first === undefined) {
    return { file: null, problem: release().targets[target] === undefined ? unsupported(target) : missing(target) };
  }
  if (first.from === 'AO_MIGRATE_BINARY' && !isFile(first.file)) {
    return { file: null, problem: `AO_MIGRATE_BINARY names no file: ${first.file}` };
  }
  makeExecutable(first.file);
  return { file: first.file, problem: null };
}

module.exports = { candidates, downloaded, isFile, locate, makeExecutable, release, unsupported };
