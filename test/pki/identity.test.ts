import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { loadIdentity } from '../../src/pki/identity.js';
import { createIdentityStore } from '../../src/pki/identity-store.js';
import { renewIdentity } from '../../src/pki/issue.js';
import { makePki, type Pki } from '../support/pki.js';

let parent: string;
let pki: Pki;
let folder: string;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'flotilla-identity-'));
  pki = await makePki(join(parent, 'pki'), { agents: [{ name: 'edmonton-1' }, { name: 'lyon-1' }] });
  folder = pki.agents['edmonton-1']!;
});
afterEach(() => rmSync(parent, { recursive: true }));

function trouble(): FlotillaError {
  try {
    loadIdentity(folder);
  } catch (error) {
    if (error instanceof FlotillaError) return error;
  }
  throw new Error('it was loaded');
}

describe('an identity folder', () => {
  it('is loaded wherever it was copied to', () => {
    renameSync(folder, join(parent, 'elsewhere'));
    const { role, name, revoked } = loadIdentity(join(parent, 'elsewhere'));
    expect({ role, name, revoked }).toEqual({ role: 'agent', name: 'edmonton-1', revoked: new Set() });
  });

  it.each(['ca.crt', 'tls.crt', 'tls.key', 'crl.pem'])('without %s says which file and how to make it', (file) => {
    rmSync(join(folder, file));
    expect(trouble()).toMatchObject({
      code: 'PkiInvalid',
      message: `there is no ${join(folder, file)}`,
      hint: expect.stringContaining('flotilla pki issue agent NAME'),
    });
  });

  it.each(['ca.crt', 'tls.crt', 'tls.key', 'crl.pem'])(
    'with something else as %s is refused, and quotes nothing',
    (file) => {
      writeFileSync(join(folder, file), 'hush');
      expect(trouble()).toMatchObject({ code: 'PkiInvalid', hint: expect.stringContaining('copy') });
      expect(trouble().message).not.toContain('hush');
    },
  );

  it.each([
    ['tls.key', 'do not belong together'],
    ['tls.crt', 'do not belong together'],
  ])('with %s of another machine is refused', (file, message) => {
    copyFileSync(join(pki.agents['lyon-1']!, file), join(folder, file));
    expect(trouble().message).toContain(message);
  });

  it('with the authority or the list of another is refused', async () => {
    const other = await makePki(join(parent, 'other'), { agents: [] });
    copyFileSync(join(other.authority.dir, 'crl.pem'), join(folder, 'crl.pem'));
    expect(trouble().message).toContain('was not signed by the authority of ca.crt');
    copyFileSync(join(other.authority.dir, 'ca.crt'), join(folder, 'ca.crt'));
    expect(trouble().message).toBe(`tls.crt in ${folder} was not signed by the authority of ca.crt`);
  });

  it('that holds the authority itself is nobody', () => {
    copyFileSync(join(pki.authority.dir, 'ca.crt'), join(folder, 'tls.crt'));
    copyFileSync(join(pki.authority.dir, 'ca.key'), join(folder, 'tls.key'));
    expect(trouble().message).toMatch(/names no identity of Flotilla|was not signed/);
  });

  it('that is half renewed is told once, and what was there stays in use until all of it has come', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const troubles: unknown[] = [];
      const store = createIdentityStore(folder, (error) => troubles.push(error));
      const current = () => {
        vi.advanceTimersByTime(2000);
        return store.current();
      };
      const before = current();
      const aside = join(parent, 'tls.crt');
      const cert = join(folder, 'tls.crt');
      copyFileSync(cert, aside);
      await renewIdentity(pki.authority, { name: 'edmonton-1', now: new Date() });
      const [oldCert, newCert] = [readFileSync(aside), readFileSync(cert)];
      writeFileSync(cert, oldCert);
      expect(trouble()).toMatchObject({ code: 'PkiInvalid', message: expect.stringContaining('belong together') });
      expect(current()).toBe(before);
      expect(current()).toBe(before);
      expect(troubles).toHaveLength(1);
      writeFileSync(cert, newCert);
      expect(current().cert).toBe(newCert.toString());
    } finally {
      vi.useRealTimers();
    }
  });
});
