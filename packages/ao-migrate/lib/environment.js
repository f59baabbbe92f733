'use strict';

// A Bun executable obeys these and cannot be told not to: they would change what runs (BUN_OPTIONS, BUN_BE_BUN). Names
// count without case, as they do on Windows.
const FOREIGN = /^(BUN_.*|NODE_OPTIONS)$/i;

/** The environment for the executable: the caller's, without what would reach into its runtime. */
exports.childEnvironment = (env) => Object.fromEntries(Object.entries(env).filter(([name]) => !FOREIGN.test(name)));
