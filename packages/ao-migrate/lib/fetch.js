#!/usr/bin/env node
'use strict';
// Fetches and checks the executable where the package manager did not install it; the launcher names this file.
const { obtain } = require('./ladder');

obtain(process.env).then(
  (file) => {
    process.stderr.write(`ao-migrate: ready (${file})\n`);
  },
  (error) => {
    process.stderr.write(`ao-migrate: ${error.message}\n`);
    process.exitCode = 1;
  },
);
