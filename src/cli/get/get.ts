import { FlotillaError } from '../../errors.js';
import { nearestName } from '../../manifest/nearest.js';
import type { GetKind, GetOptions } from './get-options.js';

const KINDS: readonly string[] = ['instances', 'hosts', 'fleets'] satisfies GetKind[];

/**
 * `flotilla get [instances|hosts|fleets] [NAME...]`: instances as the daemon last saw them, where it has left its memory;
 * everything else by asking the hosts.
 */
export async function getCommand(args: { kind: string; names: string[] }, options: GetOptions): Promise<number> {
  const { kind, names } = toKind(args);
  const { hasHistory } = await import('../state/open-history.js');
  const fromMemory = kind === 'instances' && !options.live && (options.watch || hasHistory(options.state));
  if (fromMemory) return (await import('./get-stored.js')).getStored(names, options);
  if (options.watch) {
    throw new FlotillaError('UsageInvalid', 'only instances can be watched, and only in the memory of the daemon', {
      hint: 'flotilla get instances --watch',
    });
  }
  return (await import('./get-live.js')).getLive(kind, names, options);
}

/** `get acme` is no kind; singular names are understood. */
function toKind({ kind, names }: { kind: string; names: string[] }): { kind: GetKind; names: string[] } {
  const plural = kind.endsWith('s') ? kind : `${kind}s`;
  if (KINDS.includes(plural)) return { kind: plural as GetKind, names };
  const near = nearestName(plural, KINDS);
  throw new FlotillaError('UsageInvalid', `there is no kind "${kind}" to list`, {
    hint: near
      ? `did you mean "${near}"?`
      : 'kinds are instances, hosts and fleets: flotilla get instances NAME lists one',
  });
}
