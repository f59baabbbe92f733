'use strict';
const { createHash } = require('node:crypto');
const { closeSync, createReadStream, openSync, rmSync, writeSync } = require('node:fs');
const { pipeline } = require('node:stream/promises');
const { get } = require('./proxy');

const REDIRECTS = 5;
/** Milliseconds for the whole download, and without a byte. */
const LIMITS = { whole: 120_000, idle: 20_000 };

const isRedirect = (status) => [301, 302, 303, 307, 308].includes(status);

/** Follows redirects to an answer of 200. @throws Error in words for a person; `missing` where the answer is 404 */
async function open(address, env, signal) {
  let url = new URL(address);
  for (let hops = 0; ; hops++) {
    if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error(`${url.protocol} is not fetched`);
    const answer = await get(url, env, signal);
    if (answer.statusCode === 200) return answer;
    answer.destroy();
    const { location } = answer.headers;
    if (!isRedirect(answer.statusCode) || location === undefined) {
      throw Object.assign(new Error(`the server answered ${answer.statusCode}`), {
        missing: answer.statusCode === 404,
      });
    }
    if (hops === REDIRECTS) throw new Error(`more than ${REDIRECTS} redirects`);
    const next = new URL(location, url);
    if (url.protocol === 'https:' && next.protocol !== 'https:') throw new Error('a redirect leaves https');
    url = next;
  }
}

/**
 * Fetches one file to a new place, and keeps it only if size and sha256 are the expected ones. Whatever goes wrong,
 * nothing stays behind.
 *
 * @throws Error in words for a person
 */
async function download(address, file, expected, env, limits = LIMITS) {
  const stop = new AbortController();
  let reason = null;
  const abort = (text) => () => {
    reason = text;
    stop.abort();
  };
  const whole = setTimeout(abort(`not done after ${limits.whole / 1000} s`), limits.whole);
  let idle = setTimeout(abort(`no byte for ${limits.idle / 1000} s`), limits.idle);
  let kept = null;
  let made = false;
  try {
    const answer = await open(address, env, stop.signal);
    const told = answer.headers['content-length'];
    if (told !== undefined && Number(told) !== expected.size) {
      answer.destroy();
      throw new Error(`it has ${told} bytes, not ${expected.size}`);
    }
    kept = openSync(file, 'wx', 0o600);
    made = true;
    const hash = createHash('sha256');
    let size = 0;
    for await (const chunk of answer) {
      clearTimeout(idle);
      idle = setTimeout(abort(`no byte for ${limits.idle / 1000} s`), limits.idle);
      size += chunk.length;
      if (size > expected.size) throw new Error(`it has more than ${expected.size} bytes`);
      hash.update(chunk);
      for (let done = 0; done < chunk.length; ) done += writeSync(kept, chunk, done);
    }
    if (size !== expected.size) throw new Error(`it ends after ${size} of ${expected.size} bytes`);
    if (hash.digest('hex') !== expected.sha256) throw new Error('its checksum is wrong, so it was deleted');
    const written = kept;
    kept = null;
    closeSync(written);
  } catch (error) {
    if (kept !== null) closeSync(kept);
    if (made) rmSync(file, { force: true });
    throw reason === null ? wording(error) : new Error(reason);
  } finally {
    clearTimeout(whole);
    clearTimeout(idle);
  }
}

function wording(error) {
  if (error.code === 'ECONNRESET' || error.code === 'ERR_STREAM_PREMATURE_CLOSE')
    return new Error('the connection ended early');
  return error;
}

/** sha256 of a file, hex. */
async function sha256(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

module.exports = { download, sha256 };
