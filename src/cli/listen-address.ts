import { LISTEN_PROBLEMS, type ListenAddress } from '../agent/check/check-address.js';
import { FlotillaError } from '../errors.js';

/** @throws FlotillaError UsageInvalid */
export function parseAddress(listen: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3]);
  if (match && port <= 65_535) return { host: (match[1] ?? match[2]) as string, port };
  throw new FlotillaError('UsageInvalid', `--listen: expected ADDRESS:PORT, found ${JSON.stringify(listen)}`, {
    hint: 'such as 0.0.0.0:7443, 10.0.0.7:7443 or [::]:7443',
  });
}

export function cannotListen(listen: string, cause: unknown): FlotillaError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const why = LISTEN_PROBLEMS[code] ?? (code || 'unexpected error');
  return new FlotillaError('UsageInvalid', `cannot listen at ${listen}: ${why}`, {
    cause,
    hint: 'choose another address with --listen',
  });
}
