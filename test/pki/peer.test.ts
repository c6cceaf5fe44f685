import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlotillaError } from '../../src/errors.js';
import { type Expected, identifyPeer, type PeerNames } from '../../src/pki/peer.js';
import { isName, type Role, subjectUri } from '../../src/pki/role.js';
import { normalizeSerial, randomSerial } from '../../src/pki/serial.js';

const NOW = new Date('2026-11-24T12:00:00Z');
const AGENT: PeerNames = {
  subjectaltname: 'URI:urn:flotilla:agent:edmonton-1, DNS:edmonton-1.example.org, IP Address:10.0.0.7',
  serialNumber: '507B9D992BEDAD2F4444E1C75FCB72DE',
  valid_from: 'Nov 24 11:55:00 2026 GMT',
  valid_to: 'Feb 22 12:00:00 2027 GMT',
};
const AN_AGENT: Expected = { role: 'agent', revoked: new Set(), now: NOW };

/** The sentence and the advice of a refusal. */
function refusal(cert: PeerNames, expected: Expected): string {
  try {
    const { role, name } = identifyPeer(cert, expected);
    return `accepted ${role} ${name}`;
  } catch (error) {
    if (!(error instanceof FlotillaError) || error.code !== 'PeerRefused') throw error;
    return error.hint === undefined ? error.message : `${error.message} / ${error.hint}`;
  }
}

describe('identifyPeer', () => {
  it('says who the other side is', () => {
    expect(identifyPeer(AGENT, AN_AGENT)).toEqual({ role: 'agent', name: 'edmonton-1' });
    expect(identifyPeer(AGENT, { ...AN_AGENT, name: 'edmonton-1' })).toEqual({ role: 'agent', name: 'edmonton-1' });
  });

  it('tells each refusal in a sentence of its own', () => {
    expect(refusal(AGENT, { ...AN_AGENT, role: 'controller' })).toBe(
      'the certificate is one of agent edmonton-1, and a controller is expected / give each machine the folder that was issued for it: controllers/ and agents/ are not exchangeable',
    );
    expect(refusal(AGENT, { ...AN_AGENT, name: 'lyon-1' })).toBe(
      'the certificate is one of agent edmonton-1, and agent lyon-1 is expected / see where the address of lyon-1 leads, and which folder was copied there',
    );
    expect(refusal(AGENT, { ...AN_AGENT, revoked: new Set([AGENT.serialNumber]) })).toBe(
      'the certificate of agent edmonton-1 is revoked (serial 507B9D992BEDAD2F4444E1C75FCB72DE) / if it is to be trusted again: flotilla pki issue agent edmonton-1 --san DNS:..., then copy its folder',
    );
    expect(refusal(AGENT, { ...AN_AGENT, now: new Date('2027-02-22T12:00:01Z') })).toBe(
      'the certificate of agent edmonton-1 expired at 2027-02-22T12:00:00.000Z / flotilla pki renew edmonton-1, then copy its folder',
    );
    expect(refusal(AGENT, { ...AN_AGENT, now: new Date('2026-11-24T11:54:59Z') })).toBe(
      'the certificate of agent edmonton-1 is valid from 2026-11-24T11:55:00.000Z on, and here it is 2026-11-24T11:54:59.000Z / compare the clocks of both machines',
    );
  });

  it('finds a revoked serial however the other side writes its zeros', () => {
    const cert = { ...AGENT, serialNumber: '0A1B' };
    expect(refusal(cert, { ...AN_AGENT, revoked: new Set(['A1B']) })).toContain('is revoked (serial A1B)');
  });

  it.each([
    [undefined, 'the certificate names no identity of Flotilla'],
    ['DNS:edmonton-1.example.org', 'the certificate names no identity of Flotilla'],
    ['URI:urn:flotilla:agent:a, URI:urn:flotilla:agent:b', 'the certificate names more than one identity of Flotilla'],
    ['URI:urn:flotilla:agent:a, URI:URN:Flotilla:b', 'the certificate names more than one identity of Flotilla'],
    ['URI:urn:flotilla:agent:A', 'the certificate names no identity of Flotilla'],
    ['URI:urn:flotilla:root:a', 'the certificate names no identity of Flotilla'],
    ['URI:urn:flotilla:agent:a:b', 'the certificate names no identity of Flotilla'],
    ['DNS:"a, URI:urn:flotilla:agent:a"', 'the certificate names no identity of Flotilla'],
    ['URI:"urn:flotilla:agent:a, URI:urn:flotilla:agent:b"', 'the certificate names no identity of Flotilla'],
    ['DNS:"a', 'the certificate has names that cannot be read'],
    ['URI:urn:flotilla:agent:a,DNS:b', 'the certificate has names that cannot be read'],
  ])('refuses the names %j', (subjectaltname, message) => {
    expect(refusal({ ...AGENT, subjectaltname }, AN_AGENT)).toMatch(new RegExp(`^${message}( /|$)`));
  });

  it('refuses a certificate whose times cannot be read', () => {
    expect(refusal({ ...AGENT, valid_to: 'some day' }, AN_AGENT)).toBe(
      'the certificate of agent edmonton-1 has no times that can be read',
    );
  });

  it('takes no text of another name for an identity, whatever stands around it', () => {
    const other = fc.tuple(fc.constantFrom('DNS', 'email', 'othername'), fc.string()).map(([type, text]) => {
      // Node quotes what holds any of these.
      return `${type}:${/[",\\'\p{C}]|[^ -~]/u.test(text) ? JSON.stringify(text) : text}`;
    });
    fc.assert(
      fc.property(fc.array(other, { maxLength: 4 }), fc.array(other, { maxLength: 4 }), (before, after) => {
        const names = [...before, 'URI:urn:flotilla:agent:edmonton-1', ...after];
        expect(identifyPeer({ ...AGENT, subjectaltname: names.join(', ') }, AN_AGENT).name).toBe('edmonton-1');
        const without = [...before, ...after].join(', ');
        expect(refusal({ ...AGENT, subjectaltname: without }, AN_AGENT)).toContain('names no identity of Flotilla');
      }),
    );
  });

  it('never does anything but identify or refuse', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'URI:urn:flotilla:agent:a", \\DNS') }), (subjectaltname) => {
        expect(refusal({ ...AGENT, subjectaltname }, AN_AGENT)).toMatch(
          /^(accepted agent [a-z0-9-]+$|the certificate )/,
        );
      }),
    );
  });

  it('knows every name that it may issue, and both roles', () => {
    const role = fc.constantFrom<Role>('agent', 'controller');
    const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    fc.assert(
      fc.property(role, name, (role, name) => {
        expect(isName(name)).toBe(true);
        const subjectaltname = `URI:${subjectUri({ role, name })}`;
        expect(identifyPeer({ ...AGENT, subjectaltname }, { ...AN_AGENT, role, name })).toEqual({ role, name });
      }),
    );
  });
});

describe('serial numbers', () => {
  it('are equal texts exactly when they are equal numbers', () => {
    const written = fc
      .tuple(fc.bigInt({ min: 0n, max: 1n << 128n }), fc.nat(4), fc.boolean(), fc.boolean())
      .map(([number, zeros, upper, colons]) => {
        const digits = '0'.repeat(zeros) + number.toString(16);
        const cased = upper ? digits.toUpperCase() : digits;
        return { number, text: colons ? (cased.match(/.{1,2}/g) ?? []).join(':') : cased };
      });
    fc.assert(
      fc.property(written, written, (a, b) => {
        expect(normalizeSerial(a.text)).toBe(a.number.toString(16).toUpperCase());
        expect(normalizeSerial(a.text) === normalizeSerial(b.text)).toBe(a.number === b.number);
      }),
    );
  });

  it('are random, positive and always 32 digits', () => {
    const serials = Array.from({ length: 200 }, randomSerial);
    expect(new Set(serials).size).toBe(200);
    for (const serial of serials) {
      expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
      expect(normalizeSerial(serial)).toBe(serial);
    }
  });
});
