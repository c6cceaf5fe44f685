import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');
const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const HOST = 'apiVersion: flotilla.dev/v1\nkind: Host\nmetadata: { name: here }\nspec: { local: ../tenants }\n';

let directory: string;
let stop: () => Promise<number | null>;
let seen: (pattern: RegExp) => Promise<void>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-watch-'));
  for (const name of ['manifests', 'templates', 'tenants']) mkdirSync(join(directory, name));
  writeFileSync(join(directory, 'manifests/host.yaml'), HOST);
  const child = spawn(process.execPath, ['--import', TSX, MAIN, 'validate', '--watch'], { cwd: directory });
  let output = '';
  const heard = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    output += chunk;
    for (const listener of heard) listener();
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  // What has been seen once is not seen again.
  seen = (pattern) =>
    new Promise((done) => {
      const look = () => {
        const found = pattern.exec(output);
        if (!found) return;
        output = output.slice(found.index + found[0].length);
        heard.delete(look);
        done();
      };
      heard.add(look);
      look();
    });
  stop = () =>
    new Promise((done) => {
      child.once('exit', done);
      child.kill('SIGINT');
    });
});
afterEach(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));

it('validate --watch checks again after each save, however it is made, and ends with Ctrl-C', async () => {
  await seen(/0 instances, 1 host, 0 templates: valid\n/);
  writeFileSync(join(directory, 'manifests/host.yaml'), HOST.replace('local', 'lokal'));
  await seen(/did you mean "?local"?[\s\S]*1 problem\n/);
  writeFileSync(join(directory, 'new.yaml'), HOST);
  renameSync(join(directory, 'new.yaml'), join(directory, 'manifests/host.yaml'));
  await seen(/1 host, 0 templates: valid\n/);
  rmSync(join(directory, 'manifests/host.yaml'));
  await seen(/0 hosts/);
  mkdirSync(join(directory, 'manifests/more'));
  writeFileSync(join(directory, 'manifests/more/host.yaml'), HOST.replace('here', 'Here'));
  await seen(/1 problem\n/);
  expect(await stop()).toBe(1);
});
