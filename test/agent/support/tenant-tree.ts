import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { AppliedRecord } from '../../../src/agent/state/applied-record.js';
import type { RenderedFile } from '../../../src/render/file-set.js';

/** Removed when the test has ended. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  return directory;
}

/** Whether this machine lets us mount: tests of full and read-only disks need it. */
export function canMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]).status === 0;
  if (mounted) spawnSync('umount', [directory]);
  rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  return mounted;
}

/** A small file system of its own, unmounted when the test has ended. */
export function temporaryMount(size: string): string {
  const directory = temporaryDirectory();
  mountOrThrow(['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]);
  onTestFinished(() => void spawnSync('umount', ['-l', directory]));
  return directory;
}

export function mountOrThrow(args: string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr}`);
}

/** Writes files by path, with mode 0644 or the one given. */
export function writeTree(
  root: string,
  files: Record<string, string | Buffer | { content: string | Buffer; mode: number }>,
): void {
  for (const [path, file] of Object.entries(files)) {
    const { content, mode } = typeof file === 'object' && 'mode' in file ? file : { content: file, mode: 0o644 };
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
    chmodSync(join(root, path), mode);
  }
}

/** Everything in a directory but `.flotilla`: path to type, mode and content. */
export function snapshot(root: string, options: { times?: boolean } = {}): Record<string, string> {
  const seen: Record<string, string> = {};
  const visit = (relative: string) => {
    for (const name of readdirSync(join(root, relative)).sort()) {
      const path = relative === '' ? name : `${relative}/${name}`;
      if (path === '.flotilla') continue;
      const stat = lstatSync(join(root, path));
      const about = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
      if (stat.isDirectory()) {
        seen[path] = `directory ${about}`;
        visit(path);
      } else if (stat.isFile()) {
        const time = options.times ? ` ${stat.mtimeMs}` : '';
        seen[path] = `file ${about} ${sha256(readFileSync(join(root, path)))}${time}`;
      } else {
        seen[path] = stat.isSymbolicLink() ? `link ${readlinkSync(join(root, path))}` : 'other';
      }
    }
  };
  visit('');
  return seen;
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

export function renderedFile(path: string, content: string | Buffer, more: Partial<RenderedFile> = {}): RenderedFile {
  const bytes = Buffer.from(content);
  return {
    path,
    content: bytes,
    sha256: sha256(bytes),
    size: bytes.length,
    mode: 0o644,
    sensitive: false,
    ownership: 'Managed',
    ...more,
  };
}

export function recordOf(generation: number, files: Record<string, string | Buffer> = {}): AppliedRecord {
  return {
    generation,
    project: 'acme',
    revision: `rev-${generation}`,
    imageTag: `v1.${generation}.0`,
    digest: `sha256:${sha256(`${generation}`)}`,
    template: 'changemaker',
    files: Object.entries(files).map(([path, content]) => ({
      path,
      sha256: sha256(content),
      mode: 0o644,
      createOnly: false,
    })),
    outcome: 'verified',
    unfinished: null,
    appliedAt: '2024-05-01T10:00:00.000Z',
    lastFailure: null,
    hold: null,
    compose: ['docker-compose.yml'],
    tenantCompose: [],
    services: [
      {
        name: 'api',
        count: 1,
        completed: false,
        imageIds: ['sha256:aa'],
        configHashes: ['bb'],
        definition: sha256('api'),
        inline: '',
      },
    ],
    composeVersion: '2.26.1',
  };
}
