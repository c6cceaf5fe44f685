import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PKI_HELP } from '../../src/cli/pki-help.js';
import { run } from '../../src/cli/run.js';
import { memoryIo } from '../support/memory-io.js';
import { makePki } from '../support/pki.js';

// The first use of a command loads its modules, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'flotilla-pki-cli-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

/** Runs `flotilla pki` on a directory of its own, and writes DATE and SERIAL for what differs each time. */
async function pki(...argv: string[]) {
  const io = memoryIo({ env: {} });
  const code = await run(['pki', ...argv, '--dir', join(parent, 'pki')], io);
  const plain = (text: string) =>
    text
      .replaceAll(`${parent}/`, '')
      .replace(/\d{4}-\d\d-\d\d(T[\d:.]+Z)?/g, 'DATE')
      .replace(/\b[0-9A-F]{32}\b/g, 'SERIAL');
  return { code, stdout: plain(io.stdout()), stderr: plain(io.stderr()) };
}

const EDMONTON = ['issue', 'agent', 'edmonton-1', '--san', 'DNS:edmonton-1.example.org', 'IP:10.0.0.7'];

describe('flotilla pki', () => {
  it('leads from nothing to a controller and an agent, and says what is next', async () => {
    expect(await pki('init')).toEqual({
      code: 0,
      stdout: 'pki: made an authority, valid until DATE\n',
      stderr:
        'whoever has ca.key can be any controller: keep it off the hosts, and keep a copy of the directory\nnext: flotilla pki issue controller\n',
    });
    expect(await pki('issue', 'controller')).toEqual({
      code: 0,
      stdout: 'pki/controller: controller controller, valid until DATE\n',
      stderr: 'next: the controller takes it with --pki pki/controller\n',
    });
    expect(await pki('issue', 'controller', 'laptop', '--days', '7')).toMatchObject({
      code: 0,
      stdout: 'pki/controllers/laptop: controller laptop, valid until DATE\n',
    });
    expect(await pki(...EDMONTON)).toEqual({
      code: 0,
      stdout: 'pki/agents/edmonton-1: agent edmonton-1 (DNS:edmonton-1.example.org, IP:10.0.0.7), valid until DATE\n',
      stderr: 'next: copy pki/agents/edmonton-1 to /etc/flotilla/pki on edmonton-1, then start flotilla-agent there\n',
    });
  });

  it('lists what there is, and warns of what expires soon', async () => {
    await pki('init');
    expect((await pki('show')).stdout).toMatch(/^nothing was issued yet\nauthority: expires in 365[0-3]d \(DATE\)\n$/);
    await pki('issue', 'controller');
    await pki(...EDMONTON, '--days', '7');
    await pki('renew', 'controller');
    expect(await pki('show')).toEqual({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(
          [
            /NAME {8}ROLE {8}STATE {5}EXPIRES {2}SERIAL {28}SANS/,
            /controller {2}controller {2}current {3}in 89d {3}SERIAL {2}-/,
            /controller {2}controller {2}replaced {2}in 89d {3}SERIAL {2}-/,
            /edmonton-1 {2}agent {7}current {3}in 6d {4}SERIAL {2}DNS:edmonton-1\.example\.org,IP:10\.0\.0\.7/,
            /authority: expires in 365[0-3]d \(DATE\)/,
          ]
            .map(({ source }) => `${source}\n`)
            .join(''),
        ),
      ),
      stderr: 'warning: agent edmonton-1 expires in 6 days: flotilla pki renew edmonton-1\n',
    });
    const { stdout } = await pki('show', '-o', 'json');
    expect(JSON.parse(stdout)).toMatchObject({
      apiVersion: 'flotilla.dev/v1',
      kind: 'PkiInventory',
      items: [
        { name: 'controller', role: 'controller', state: 'current', expiresInDays: 89 },
        { name: 'controller', role: 'controller', state: 'replaced', expiresInDays: 89 },
        { name: 'edmonton-1', role: 'agent', state: 'current', expiresInDays: 6, serial: 'SERIAL' },
      ],
    });
  });

  it('warns of what has expired already', async () => {
    const now = new Date(Date.now() - 100 * 86_400_000);
    await makePki(join(parent, 'pki'), { agents: [{ name: 'edmonton-1' }], controllers: [], now });
    expect((await pki('show')).stderr).toBe('warning: agent edmonton-1 has expired: flotilla pki renew edmonton-1\n');
    expect((await pki('renew', '--all')).code).toBe(0);
    expect((await pki('show')).stderr).toBe('');
  });

  it('renews what is named, or all, and goes on past a name that it does not know', async () => {
    await pki('init');
    await pki('issue', 'controller');
    await pki(...EDMONTON);
    expect(await pki('renew')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('add --all') });
    expect(await pki('renew', 'nobody', 'edmonton-1')).toEqual({
      code: 1,
      stdout: 'pki/agents/edmonton-1: agent edmonton-1 (DNS:edmonton-1.example.org, IP:10.0.0.7), valid until DATE\n',
      stderr:
        'error: nothing was issued to "nobody" (UsageInvalid)\n  flotilla pki show lists all names\nnext: copy each folder to its machine; nothing needs a restart\n',
    });
    const all = await pki('renew', '--all');
    expect({ code: all.code, lines: all.stdout.split('\n').length }).toEqual({ code: 0, lines: 3 });
  });

  it('revokes, and says which machines have to know', async () => {
    await pki('init');
    await pki('issue', 'controller');
    await pki('issue', 'controller', 'laptop');
    await pki(...EDMONTON);
    await pki('renew', 'laptop');
    expect(await pki('revoke', 'laptop')).toEqual({
      code: 0,
      stdout:
        'revoked controller laptop, serial SERIAL\nrevoked controller laptop, serial SERIAL\nit is trusted until these machines have the new crl.pem:\n  agent edmonton-1: pki/agents/edmonton-1/crl.pem\n',
      stderr: '',
    });
    expect((await pki('revoke', 'laptop')).stdout).toMatch(/^laptop was revoked already\n/);
    expect((await pki('revoke', 'edmonton-1')).stdout).toContain('  controller controller: pki/controller/crl.pem\n');
    expect((await pki('show')).stdout.match(/ revoked /g)).toHaveLength(3);
    const lists = ['crl.pem', 'controller/crl.pem', 'controllers/laptop/crl.pem', 'agents/edmonton-1/crl.pem'];
    expect(new Set(lists.map((path) => readFileSync(join(parent, 'pki', path), 'utf8'))).size).toBe(1);
    expect(await pki('revoke', 'nobody')).toMatchObject({ code: 1, stderr: expect.stringContaining('pki show') });
  });

  it('prints no key, whatever is asked of it', async () => {
    const answers = [
      await pki('init'),
      await pki('issue', 'controller'),
      await pki(...EDMONTON),
      await pki('renew', '--all'),
      await pki('show'),
      await pki('show', '-o', 'json'),
      await pki('revoke', 'edmonton-1'),
    ];
    const keys = ['ca.key', 'controller/tls.key', 'agents/edmonton-1/tls.key'].map(
      (path) => readFileSync(join(parent, 'pki', path), 'utf8').split('\n')[1] ?? '',
    );
    for (const { stdout, stderr } of answers) {
      for (const key of keys) expect(stdout + stderr).not.toContain(key);
      expect(stdout + stderr).not.toContain('PRIVATE');
    }
  });
});

describe('flotilla pki tells what to do instead', () => {
  it.each([
    [['init'], 'pki/ca.crt is there already'],
    [['issue', 'agent', 'lyon-1'], '--san DNS:lyon-1.example.org, or --san IP:10.0.0.7'],
    [['issue', 'agent', 'Lyon_1', '--san', 'DNS:a'], 'write a DNS label, such as edmonton-1'],
    [['issue', 'agent', 'lyon-1', '--san', 'lyon-1.example.org'], 'write --san DNS:lyon-1.example.org'],
    [['issue', 'agent', 'lyon-1', '--san', 'DNS:a', '--days', '0'], 'a whole number above 0'],
    [['issue', 'agent', 'controller', '--san', 'DNS:a'], 'controller is the name of a controller'],
    [['issue', 'agent'], "missing required argument 'NAME'"],
    [['issue', 'controller'], 'flotilla pki renew controller makes a new one'],
    [['issue', 'contoller'], 'Did you mean controller?'],
    [['revok', 'a'], 'Did you mean revoke?'],
    [['show', '-o', 'yaml'], 'Allowed choices are text, json'],
  ])('%j', async (argv, message) => {
    await pki('init');
    await pki('issue', 'controller');
    const { code, stdout, stderr } = await pki(...argv);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(message);
  });

  it.each([[['issue', 'controller']], [['renew', '--all']], [['revoke', 'a']], [['show']]])(
    '%j without an authority',
    async (argv) => {
      expect(await pki(...argv)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('make one with flotilla pki init, or name its directory with --dir'),
      });
    },
  );
});

describe('help', () => {
  it.each(Object.entries(PKI_HELP))('of %s has examples that parse', async (name, { examples }) => {
    const io = memoryIo();
    expect(await run(['pki', ...name.split(' '), '--help'], io)).toBe(0);
    expect(io.stderr()).toBe('');
    for (const example of examples) {
      expect(io.stdout()).toContain(`\n  ${example}\n`);
      const words = /^flotilla pki ((?:(?! {2}).)+)/.exec(example)?.[1]?.split(' ') ?? [];
      const { stderr } = await pki(...words.filter((word) => !['--dir', '/root/flotilla-pki'].includes(word)));
      expect(stderr).not.toMatch(/error: (unknown|option|missing|too many|invalid)/);
    }
  });

  it('of pki alone lists its commands', async () => {
    const io = memoryIo();
    expect(await run(['pki'], io)).toBe(1);
    for (const name of ['init', 'issue', 'renew', 'revoke', 'show']) expect(io.stderr()).toContain(`\n  ${name} `);
  });

  it('takes the directory from FLOTILLA_PKI_DIR', async () => {
    vi.stubEnv('FLOTILLA_PKI_DIR', join(parent, 'elsewhere'));
    const io = memoryIo();
    expect(await run(['pki', 'init'], io)).toBe(0);
    expect(io.stdout()).toContain(join(parent, 'elsewhere'));
    vi.unstubAllEnvs();
  });
});
