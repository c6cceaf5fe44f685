import { FlotillaError } from '../errors.js';
import { parseAltNames } from '../pki/alt-names.js';
import { makeAuthority, openAuthority } from '../pki/authority.js';
import { renewableNames, takeInventory } from '../pki/inventory.js';
import { type IssuedIdentity, issueIdentity, renewIdentity } from '../pki/issue.js';
import { revoke } from '../pki/revoke.js';
import { DEFAULT_CONTROLLER, describeSubject, type Role } from '../pki/role.js';
import { oneLine } from '../plan/format-safe.js';
import { EXIT_DONE, EXIT_ERROR } from './exit-code.js';
import { formatError } from './format-error.js';
import { createPaint, type Io, wantsColor } from './io.js';

interface Options {
  io: Io;
  dir: string;
  color: boolean;
}

/** `flotilla pki init` */
export async function initCommand(_: unknown, { io, dir, color }: Options): Promise<number> {
  const { notAfter } = await makeAuthority(dir, new Date());
  await io.out.write(`${oneLine(dir)}: made an authority, valid until ${day(notAfter.toISOString())}\n`);
  await advise({ io, color }, [
    'whoever has ca.key can be any controller: keep it off the hosts, and keep a copy of the directory',
    'next: flotilla pki issue controller',
  ]);
  return EXIT_DONE;
}

/** `flotilla pki issue controller [NAME]` and `flotilla pki issue agent NAME` */
export async function issueCommand(
  { role, name = DEFAULT_CONTROLLER }: { role: Role; name?: string },
  { io, dir, color, san = [], days }: Options & { san?: readonly string[]; days: number },
): Promise<number> {
  const request = { role, name, altNames: parseAltNames(san), days, now: new Date() };
  const issued = await issueIdentity(openAuthority(dir), request);
  await io.out.write(`${describeIssued(issued)}\n`);
  const folder = oneLine(issued.dir);
  const next = {
    agent: `next: copy ${folder} to /etc/flotilla/pki on ${name}, then start flotilla-agent there`,
    controller: `next: the controller takes it with --pki ${folder}`,
  };
  await advise({ io, color }, [next[role]]);
  return EXIT_DONE;
}

/** `flotilla pki renew [NAME...]`: a name that cannot be renewed keeps none of the others from it. */
export async function renewCommand(
  { names }: { names: readonly string[] },
  { io, dir, color, all = false, days }: Options & { all?: boolean; days?: number },
): Promise<number> {
  const now = new Date();
  const authority = openAuthority(dir);
  const chosen = new Set(all ? renewableNames(takeInventory(dir, now)) : names);
  if (chosen.size === 0 && !all) {
    throw new FlotillaError('UsageInvalid', 'there is no name to renew', { hint: 'name some, or add --all' });
  }
  let renewed = 0;
  for (const name of chosen) {
    try {
      await io.out.write(`${describeIssued(await renewIdentity(authority, { name, days, now }))}\n`);
      renewed++;
    } catch (error) {
      await io.err.write(formatError(error, paintOf({ io, color })));
    }
  }
  if (renewed > 0) await advise({ io, color }, ['next: copy each folder to its machine; nothing needs a restart']);
  return renewed === chosen.size ? EXIT_DONE : EXIT_ERROR;
}

/** `flotilla pki revoke NAME|SERIAL` */
export async function revokeCommand({ wanted }: { wanted: string }, { io, dir, color }: Options): Promise<number> {
  const { revoked, toTell } = await revoke(openAuthority(dir), wanted, new Date());
  if (revoked.length === 0) await io.out.write(`${oneLine(wanted)} was revoked already\n`);
  for (const one of revoked) await io.out.write(`revoked ${describeSubject(one)}, serial ${one.serial}\n`);
  if (toTell.length === 0) {
    await advise({ io, color }, ['no other machine has to know']);
    return EXIT_DONE;
  }
  const machines = toTell.map((one) => `  ${describeSubject(one)}: ${oneLine(one.dir)}/crl.pem\n`);
  await io.out.write(`it is trusted until these machines have the new crl.pem:\n${machines.join('')}`);
  return EXIT_DONE;
}

function describeIssued(issued: IssuedIdentity): string {
  const sans = issued.sans.length === 0 ? '' : ` (${issued.sans.join(', ')})`;
  return `${oneLine(issued.dir)}: ${describeSubject(issued)}${sans}, valid until ${day(issued.notAfter)}`;
}

function day(iso: string): string {
  return iso.slice(0, 10);
}

/** What to do next is for people, not for pipes. */
async function advise(to: Pick<Options, 'io' | 'color'>, lines: readonly string[]): Promise<void> {
  await to.io.err.write(lines.map((line) => `${paintOf(to).dim(line)}\n`).join(''));
}

function paintOf({ io, color }: Pick<Options, 'io' | 'color'>): ReturnType<typeof createPaint> {
  return createPaint(wantsColor(io.err, io.env, color));
}
