import { join } from 'node:path';
import { readLockHolders } from '../lock/lock.js';
import { hasJournal } from '../state/journal-format.js';
import { type Finding, ok } from './finding.js';

const MAX_NAMED = 5;

/** What is there of instances. For information: an agent completes commits when it starts, and waits for locks. */
export function checkTenants(root: string, instances: readonly string[]): Finding[] {
  const directories = instances.map((each) => join(root, each));
  const interrupted = instances.filter((each) => hasJournal(join(root, each)));
  const locked = readLockHolders(directories.map((tenantDir) => ({ tenantDir }))).flatMap((holder, at) =>
    holder === null ? [] : [`${instances[at]} by ${holder.command}`],
  );
  const findings = [ok('tenants', `${instances.length} ${plural(instances.length, 'instance')} found`)];
  if (interrupted.length > 0) {
    const what = `${interrupted.length} interrupted ${plural(interrupted.length, 'commit')}`;
    findings.push(ok('tenants', `${what}, completed when the agent starts: ${named(interrupted)}`));
  }
  if (locked.length > 0) findings.push(ok('tenants', `${locked.length} locked now: ${named(locked)}`));
  return findings;
}

function plural(count: number, word: string): string {
  return count === 1 ? word : `${word}s`;
}

function named(all: readonly string[]): string {
  const more = all.length > MAX_NAMED ? ` and ${all.length - MAX_NAMED} more` : '';
  return `${all.slice(0, MAX_NAMED).join(', ')}${more}`;
}
