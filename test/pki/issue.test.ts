import { X509Certificate } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseAltNames } from '../../src/pki/alt-names.js';
import { makeAuthority, openAuthority } from '../../src/pki/authority.js';
import { loadIdentity } from '../../src/pki/identity.js';
import { renewableNames, takeInventory } from '../../src/pki/inventory.js';
import { issueIdentity, renewIdentity } from '../../src/pki/issue.js';
import { readIssued } from '../../src/pki/issued.js';
import { revoke } from '../../src/pki/revoke.js';
import { makePki } from '../support/pki.js';

const NOW = new Date('2026-11-24T12:00:00Z');
const later = (days: number) => new Date(NOW.getTime() + days * 86_400_000);
const AGENT = { role: 'agent', name: 'edmonton-1', altNames: parseAltNames(['DNS:a.example.org']), days: 90 } as const;

let parent: string;
let dir: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'flotilla-pki-'));
  dir = join(parent, 'pki');
});
afterEach(() => rmSync(parent, { recursive: true }));

/** Every file and directory below the authority's, with its mode: `600 ca.key`. */
function modesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => `${(statSync(join(path, name)).mode & 0o777).toString(8)} ${name}`)
    .sort();
}

describe('what an authority writes', () => {
  it.each([0o000, 0o022, 0o077])('keeps keys and directories to their owner under umask %o', async (umask) => {
    const before = process.umask(umask);
    try {
      const { authority } = await makePki(dir, {
        agents: [{ name: 'edmonton-1' }],
        controllers: ['controller', 'laptop'],
      });
      await renewIdentity(authority, { name: 'edmonton-1', now: new Date() });
      await revoke(authority, 'laptop', new Date());
    } finally {
      process.umask(before);
    }
    const folder = (path: string) => [
      `644 ${path}/ca.crt`,
      `644 ${path}/crl.pem`,
      `644 ${path}/tls.crt`,
      `600 ${path}/tls.key`,
    ];
    expect((statSync(dir).mode & 0o777).toString(8)).toBe('700');
    expect(modesBelow(dir)).toEqual(
      [
        ...['644 ca.crt', '600 ca.key', '644 crl.pem', '600 issued.jsonl'],
        ...['700 agents', '700 agents/edmonton-1', '700 controller', '700 controllers', '700 controllers/laptop'],
        ...['agents/edmonton-1', 'controller', 'controllers/laptop'].flatMap(folder),
      ].sort(),
    );
  });

  it('is valid from five minutes ago, for the days asked for, and never longer than the authority', async () => {
    const authority = await makeAuthority(dir, NOW);
    const { dir: folder } = await issueIdentity(authority, { ...AGENT, now: NOW });
    expect(loadIdentity(folder)).toMatchObject({
      role: 'agent',
      name: 'edmonton-1',
      notBefore: new Date('2026-11-24T11:55:00Z'),
      notAfter: later(90),
    });
    expect(authority.notAfter).toEqual(new Date('2036-11-24T12:00:00Z'));
    const long = await issueIdentity(authority, { ...AGENT, name: 'lyon-1', days: 100_000, now: NOW });
    expect(long.notAfter).toBe('2036-11-24T12:00:00.000Z');
    await expect(renewIdentity(authority, { name: 'lyon-1', now: later(3660) })).rejects.toThrow('the authority in');
  });

  it('names the agent as controllers reach it', async () => {
    const altNames = parseAltNames(['dns:A.Example.org', 'IP:10.0.0.7', 'IP:2001:DB8::7', 'DNS:a.example.org']);
    const { dir: folder } = await issueIdentity(await makeAuthority(dir, NOW), { ...AGENT, altNames, now: NOW });
    const cert = new X509Certificate(readFileSync(join(folder, 'tls.crt')));
    expect(cert.subjectAltName).toBe(
      'URI:urn:flotilla:agent:edmonton-1, DNS:a.example.org, IP Address:10.0.0.7, IP Address:2001:DB8:0:0:0:0:0:7',
    );
    expect(cert.checkHost('a.example.org')).toBe('a.example.org');
    expect(cert.checkIP('2001:db8::7')).toBe('2001:db8::7');
  });

  it('is in the index, line by line, without any key', async () => {
    const authority = await makeAuthority(dir, NOW);
    const { serial } = await issueIdentity(authority, { ...AGENT, now: NOW });
    const text = readFileSync(join(dir, 'issued.jsonl'), 'utf8');
    expect(text).toBe(
      `{"serial":"${serial}","role":"agent","name":"edmonton-1","sans":["DNS:a.example.org"],"notBefore":"2026-11-24T11:55:00.000Z","notAfter":"2027-02-22T12:00:00.000Z"}\n`,
    );
    writeFileSync(join(dir, 'issued.jsonl'), `${text}{"serial":\n`);
    expect(() => readIssued(dir)).toThrow(`line 2 of ${join(dir, 'issued.jsonl')} cannot be read`);
  });
});

describe('names', () => {
  it('stay those of one machine until its certificate expires or is revoked', async () => {
    const authority = await makeAuthority(dir, NOW);
    await issueIdentity(authority, { ...AGENT, now: NOW });
    await expect(issueIdentity(authority, { ...AGENT, now: later(1) })).rejects.toMatchObject({
      message: 'agent edmonton-1 has a certificate until 2027-02-22T12:00:00.000Z',
      hint: expect.stringContaining('flotilla pki renew edmonton-1'),
    });
    const controller = { ...AGENT, role: 'controller' as const, altNames: [], now: NOW };
    await expect(issueIdentity(authority, controller)).rejects.toThrow('edmonton-1 is the name of an agent');
    await revoke(authority, 'edmonton-1', later(1));
    await issueIdentity(authority, { ...AGENT, now: later(1) });
    await issueIdentity(authority, { ...AGENT, now: later(92) });
  });

  it.each([
    ['example.org', '--san DNS:example.org'],
    ['10.0.0.7', '--san IP:10.0.0.7'],
    ['DNS:10.0.0.7', '--san IP:10.0.0.7'],
    ['IP:example.org', '--san DNS:example.org'],
    ['DNS:10.0.0.700', '--san DNS:host.example.org or --san IP:10.0.0.7'],
    ['IP:fe80::1%eth0', '--san DNS:host.example.org or --san IP:10.0.0.7'],
    ['DNS:*.example.org', '--san DNS:host.example.org or --san IP:10.0.0.7'],
    ['URI:urn:flotilla:controller:x', '--san DNS:host.example.org or --san IP:10.0.0.7'],
    ['DNS:', '--san DNS:host.example.org or --san IP:10.0.0.7'],
  ])('%j is no SAN, and what to write is said', (text, write) => {
    expect(() => parseAltNames([text])).toThrow(
      expect.objectContaining({
        message: `--san ${JSON.stringify(text)} is not a name that a certificate can hold`,
        hint: `write ${write}: the exact names under which controllers reach the agent`,
      }),
    );
  });
});

describe('a renewal', () => {
  it('makes a new key for the same names, and the one before stays valid', async () => {
    const authority = await makeAuthority(dir, NOW);
    const { dir: folder } = await issueIdentity(authority, { ...AGENT, days: 7, now: NOW });
    const before = loadIdentity(folder);
    const renewed = await renewIdentity(openAuthority(dir), { name: 'edmonton-1', now: later(5) });
    const after = loadIdentity(folder);
    expect(renewed).toMatchObject({ dir: folder, sans: ['DNS:a.example.org'], notAfter: later(12).toISOString() });
    expect(after.key).not.toBe(before.key);
    expect(after.stamp).not.toBe(before.stamp);
    expect(takeInventory(dir, later(5)).items.map(({ state }) => state)).toEqual(['current', 'replaced']);
    expect(renewableNames(takeInventory(dir, later(5)))).toEqual(['edmonton-1']);
  });

  it('makes a folder that was lost again, and one that has expired', async () => {
    const authority = await makeAuthority(dir, NOW);
    const { dir: folder } = await issueIdentity(authority, { ...AGENT, now: NOW });
    rmSync(folder, { recursive: true });
    await renewIdentity(authority, { name: 'edmonton-1', now: later(200) });
    expect(loadIdentity(folder).notAfter).toEqual(later(290));
  });

  it('is refused for what is revoked or unknown', async () => {
    const authority = await makeAuthority(dir, NOW);
    await issueIdentity(authority, { ...AGENT, now: NOW });
    await revoke(authority, 'edmonton-1', NOW);
    await expect(renewIdentity(authority, { name: 'edmonton-1', now: NOW })).rejects.toMatchObject({
      message: 'the certificate of agent edmonton-1 is revoked',
      hint: 'if it is to be trusted again: flotilla pki issue agent edmonton-1 --san DNS:a.example.org',
    });
    await expect(renewIdentity(authority, { name: 'nobody', now: NOW })).rejects.toThrow(
      'nothing was issued to "nobody"',
    );
  });
});

describe('a revocation', () => {
  it('takes all valid certificates of a name, and reaches every folder', async () => {
    const { authority, agents, controllers } = await makePki(dir, {
      agents: [{ name: 'edmonton-1' }, { name: 'lyon-1' }],
      controllers: ['controller', 'laptop'],
      now: NOW,
    });
    await renewIdentity(authority, { name: 'laptop', now: NOW });
    const { revoked, toTell } = await revoke(authority, 'laptop', later(1));
    expect(revoked.map(({ name }) => name)).toEqual(['laptop', 'laptop']);
    expect(toTell.map(({ role, name }) => `${role} ${name}`)).toEqual(['agent edmonton-1', 'agent lyon-1']);
    for (const folder of [...Object.values(agents), ...Object.values(controllers)]) {
      expect(loadIdentity(folder).revoked).toEqual(new Set(revoked.map(({ serial }) => serial)));
    }
    expect((await revoke(authority, 'laptop', later(2))).revoked).toEqual([]);
    const second = await revoke(authority, 'lyon-1', later(2));
    expect(second.toTell.map(({ name }) => name)).toEqual(['controller']);
    expect(loadIdentity(agents['edmonton-1']!).revoked.size).toBe(3);
  });

  it('takes one serial, in any way of writing', async () => {
    const { authority, agents } = await makePki(dir, { agents: [{ name: 'edmonton-1' }], now: NOW });
    const { serial } = await renewIdentity(authority, { name: 'edmonton-1', now: NOW });
    const written = (serial.toLowerCase().match(/../g) ?? []).join(':');
    expect((await revoke(authority, written, NOW)).revoked.map((one) => one.serial)).toEqual([serial]);
    expect(loadIdentity(agents['edmonton-1']!).revoked).toEqual(new Set([serial]));
  });

  it('is not forgotten when the list has gone: nothing is issued without it', async () => {
    const authority = await makeAuthority(dir, NOW);
    rmSync(join(dir, 'crl.pem'));
    await expect(issueIdentity(authority, { ...AGENT, now: NOW })).rejects.toThrow(
      `there is no ${join(dir, 'crl.pem')}`,
    );
  });
});

describe('an authority', () => {
  it('is never overwritten', async () => {
    await makeAuthority(dir, NOW);
    const before = readFileSync(join(dir, 'ca.key'), 'utf8');
    await expect(makeAuthority(dir, NOW)).rejects.toMatchObject({ message: `${join(dir, 'ca.crt')} is there already` });
    rmSync(join(dir, 'ca.crt'));
    await expect(makeAuthority(dir, NOW)).rejects.toThrow(`${join(dir, 'ca.key')} is there already`);
    expect(readFileSync(join(dir, 'ca.key'), 'utf8')).toBe(before);
  });

  it('does not open with the key of another, or without one', async () => {
    await makeAuthority(dir, NOW);
    await makeAuthority(join(parent, 'other'), NOW);
    copyFileSync(join(parent, 'other/ca.key'), join(dir, 'ca.key'));
    expect(() => openAuthority(dir)).toThrow('is not the key of ca.crt');
    rmSync(join(dir, 'ca.key'));
    expect(() => openAuthority(dir)).toThrow(`there is no authority in ${dir}: ca.key cannot be read`);
    expect(takeInventory(dir, NOW).items).toEqual([]);
    expect(existsSync(join(dir, 'issued.jsonl'))).toBe(false);
  });
});
