import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, makeAuthority } from '../../src/pki/authority.js';
import { createRevocationList } from '../../src/pki/certificates.js';
import { readRevocations, revokedSerials } from '../../src/pki/revoked-serials.js';

const NOW = new Date('2026-11-24T12:00:00Z');
let directory: string;
let ours: Authority;
let foreign: Authority;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-crl-'));
  ours = await makeAuthority(join(directory, 'ours'), NOW);
  foreign = await makeAuthority(join(directory, 'foreign'), NOW);
});
afterAll(() => rmSync(directory, { recursive: true }));

const serial = fc.bigInt({ min: 1n, max: (1n << 127n) - 1n }).map((number) => number.toString(16).toUpperCase());

function der(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64');
}

function pem(bytes: Buffer): string {
  return `-----BEGIN X509 CRL-----\n${bytes.toString('base64')}\n-----END X509 CRL-----\n`;
}

describe('a list of revoked certificates', () => {
  it('is read as it was written, empty or long', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(serial, { maxLength: 200 }), async (serials) => {
        const list = serials.map((one) => ({ serial: one, at: NOW }));
        const crl = await createRevocationList(ours, list, NOW);
        expect(readRevocations(crl, ours.cert)).toEqual(list);
        expect(revokedSerials(crl, ours.cert)).toEqual(new Set(serials));
      }),
      { numRuns: 30 },
    );
  });

  it('keeps times beyond 2049, which are written in another form', async () => {
    const late = { serial: '1F', at: new Date('2051-02-03T04:05:06Z') };
    expect(readRevocations(await createRevocationList(ours, [late], NOW), ours.cert)).toEqual([late]);
  });

  it('of another authority is refused, so that an empty one cannot take back a revocation', async () => {
    const forged = await createRevocationList(foreign, [], NOW);
    expect(() => revokedSerials(forged, ours.cert)).toThrow('was not signed by the authority of ca.crt');
    const namesake = await createRevocationList({ ...ours, key: foreign.key }, [], NOW);
    expect(() => revokedSerials(namesake, ours.cert)).toThrow('was not signed by the authority of ca.crt');
  });

  it('is refused once any byte of it is another', async () => {
    const crl = der(await createRevocationList(ours, [{ serial: '4A'.repeat(16), at: NOW }], NOW));
    fc.assert(
      fc.property(fc.nat(crl.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const broken = Buffer.from(crl);
        broken[at] = (broken[at] ?? 0) ^ flip;
        expect(() => revokedSerials(pem(broken), ours.cert)).toThrow(/^the revocation list /);
      }),
    );
  });

  it.each(['', 'crl', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n'])('cannot be %j', (text) => {
    expect(() => revokedSerials(text, ours.cert)).toThrow('the revocation list cannot be read');
  });
});
