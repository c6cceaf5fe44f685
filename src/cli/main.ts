#!/usr/bin/env node
import module from 'node:module';

// Node 22.1 and later keep compiled code between runs: asked for before anything else is loaded.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();
const [{ run }, { createProcessIo }] = await Promise.all([import('./run.js'), import('./io.js')]);

process.exitCode = await run(process.argv.slice(2), createProcessIo());
