import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyFleet, MANIFEST } from '../support/tiny-fleet.js';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

let fleet: ReturnType<typeof createTinyFleet>;
beforeAll(() => {
  fleet = createTinyFleet();
});
afterAll(() => fleet.remove());

function flotilla(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', TSX, MAIN, ...argv], { cwd: fleet.directory }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

/** Each starts a process: what can be seen without one is in commands.test.ts. */
describe('the flotilla command', { timeout: 60_000 }, () => {
  it('validates', async () => {
    expect(await flotilla('validate', '--render')).toEqual({
      code: 0,
      stdout: '1 instance, 1 host, 1 template: valid\n',
      stderr: '',
    });
  });

  it('renders one file byte for byte', async () => {
    const { stdout } = await flotilla('render', 'acme', '--file', 'secret.txt', '--show-sensitive');
    expect(stdout).toBe('hush\n');
  });

  it('ends in 2 when changes are pending and that was asked for', async () => {
    const { code, stdout, stderr } = await flotilla('reconcile', '--dry-run', '--files-only', '--detailed-exitcode');
    expect({ code, stderr }).toEqual({ code: 2, stderr: '' });
    expect(stdout).toMatch(/\n1 instance: 1 changed\n$/);
  });

  it('sets an image, and leaves the rest of the file as it was', async () => {
    expect(await flotilla('set-image', 'acme', 'v1.1.0', '-q')).toEqual({
      code: 0,
      stdout: 'manifests/fleet.yaml:9: acme imageTag v1.0.0 -> v1.1.0\n',
      stderr: '',
    });
    expect(readFileSync(fleet.manifest, 'utf8')).toBe(MANIFEST.replace('v1.0.0', 'v1.1.0'));
  });

  it('completes a word for a completion script', async () => {
    expect((await flotilla('complete', '--', 'render', 'a')).stdout).toBe('acme\t\n:4\n');
  });

  it('is quiet when its reader goes away', async () => {
    const child = spawn(process.execPath, ['--import', TSX, MAIN, 'schema'], { cwd: fleet.directory });
    child.stdout.once('data', () => child.stdout.destroy());
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('ships every schema as it is generated', async () => {
    const script = fileURLToPath(new URL('../../scripts/generate-schemas.ts', import.meta.url));
    const stale = await new Promise<string>((resolve) => {
      execFile(process.execPath, ['--import', TSX, script, '--check'], (_error, _stdout, stderr) => resolve(stderr));
    });
    expect(stale).toBe('');
  });
});
