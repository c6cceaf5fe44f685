import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createPatch } from 'diff';
import type { Identity } from '../../src/pki/identity.js';

const FILES = ['config/app.yml', 'docker-compose.yml', 'nginx/nginx.conf'];

/**
 * The least that an agent has to do: `/observe/SLUG` looks at the managed files, `/inspect/SLUG` reads, hashes and compares
 * them, and `/write/SLUG` replaces the first of as many durably by a journal, under a kernel lock, in a directory of its own.
 */
export async function startFloorServer(root: string, own: string, { ca, cert, key }: Identity): Promise<number> {
  mkdirSync(own, { recursive: true });
  const server = createServer({ ca, cert, key, requestCert: true, minVersion: 'TLSv1.3' }, (request, response) => {
    const [, task = '', slug = ''] = (request.url ?? '').split('/');
    request.resume();
    request.once('end', () => {
      const work = task === 'write' ? write(join(root, slug), join(own, slug)) : look(join(root, slug), task);
      work.then(
        (text) => response.end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function look(tenant: string, task: string): Promise<string> {
  const seen = FILES.map((path) => {
    if (task === 'observe') return String(statSync(join(tenant, path), { bigint: true }).mtimeNs);
    const text = readFileSync(join(tenant, path), 'utf8');
    const hash = createHash('sha256').update(text).digest('hex');
    return hash + createPatch(path, text, text.replaceAll(/bench-\d+/g, 'bench'));
  });
  return JSON.stringify(seen);
}

async function write(tenant: string, own: string): Promise<string> {
  const stage = join(own, '.stage');
  await mkdir(stage, { recursive: true });
  await lock(join(own, '.lock'));
  for (const [i, path] of FILES.entries()) await writeDurably(join(stage, String(i)), readFileSync(join(tenant, path)));
  await syncDirectory(stage);
  await writeDurably(join(own, '.journal.new'), Buffer.from(JSON.stringify(FILES)));
  await rename(join(own, '.journal.new'), join(own, '.journal'));
  await syncDirectory(own);
  await rename(join(stage, '0'), join(own, 'first'));
  return '';
}

async function writeDurably(path: string, content: Buffer): Promise<void> {
  await writeFile(path, content, { flush: true });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  await directory.sync();
  await directory.close();
}

/** Taken as the agent takes it: by `flock` on a descriptor that it inherits. */
async function lock(path: string): Promise<void> {
  writeFileSync(path, '');
  const file = await open(path);
  await new Promise((resolve, reject) => {
    const child = spawn('flock', ['-n', '3'], { stdio: ['ignore', 'ignore', 'ignore', file.fd] });
    child.once('error', reject).once('exit', resolve);
  });
  await file.close();
}
