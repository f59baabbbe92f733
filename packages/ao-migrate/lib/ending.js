'use strict';
const { existsSync } = require('node:fs');

/**
 * Why an executable that was ended by a signal could not even start, or null. Its runtime reads the bounds of its stack
 * from /proc and aborts without it, with words about a crash that help nobody.
 */
exports.startProblem = (signal, platform = process.platform) =>
  signal === 'SIGABRT' && platform === 'linux' && !existsSync('/proc/self/maps')
    ? 'there is no /proc here, which the executable needs: mount it (mount -t proc proc /proc), then run again'
    : null;
