import { statSync } from 'node:fs';
import { join } from 'node:path';
import { IDENTITY_FILES, type Identity } from '../../pki/identity.js';
import { STATE_DIRECTORY } from '../files/confine.js';
import { RECORD_FILE } from '../state/applied-record.js';
import { type Finding, ok, warn } from './finding.js';

/** Clocks of two machines that both keep time differ by less. */
const TOLERANCE_MS = 5 * 60_000;

/** A clock that is late shows: something is dated after now. One that is early shows in certificates only. */
export function checkClock(at: {
  root: string;
  pki: string;
  instances: readonly string[];
  identity: Identity | null;
  now: Date;
}): Finding {
  const { now, identity } = at;
  const paths = [
    at.root,
    ...Object.values(IDENTITY_FILES).map((file) => join(at.pki, file)),
    ...at.instances.map((directory) => join(at.root, directory, STATE_DIRECTORY, RECORD_FILE)),
  ];
  const dates = paths.flatMap((path) => {
    const date = modifiedAt(path);
    return date === null ? [] : [{ what: `${path} is dated`, date }];
  });
  if (identity) dates.push({ what: 'the certificate begins at', date: identity.notBefore });
  const latest = dates.sort((a, b) => b.date.getTime() - a.date.getTime())[0];
  if (!latest || latest.date.getTime() <= now.getTime() + TOLERANCE_MS) return ok('clock', now.toISOString());
  return warn(
    'clock',
    `here it is ${now.toISOString()}, and ${latest.what} ${latest.date.toISOString()}`,
    'look at the clock of this machine: timedatectl',
  );
}

function modifiedAt(path: string): Date | null {
  try {
    return statSync(path).mtime;
  } catch {
    return null;
  }
}
