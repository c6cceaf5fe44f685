import type { LogLevel } from '../log.js';
import { createLogger } from '../log.js';
import { FlotillaError } from '../errors.js';
import { EXIT_DONE } from './exit-code.js';
import type { Io } from './io.js';
import { readVersion } from './version.js';

interface Options {
  root: string;
  listen: string;
  pki: string;
  check?: boolean;
  color: boolean;
  logLevel: LogLevel;
  io: Io;
}

/** How often the certificates on disk are looked at. */
const ROTATE_EVERY_MS = 5_000;

/** `flotilla agent`: serves until SIGINT or SIGTERM, then finishes what it has begun. */
export async function agentCommand(_: object, options: Options): Promise<number> {
  const address = parseAddress(options.listen);
  const { openAgent } = await import('./open-agent.js');
  const log = await createLogger({ level: options.logLevel, pretty: options.io.err.isTty });
  const { agent, store, host, close } = await openAgent({ ...options, log, version: readVersion() });
  await agent.app.listen(address).catch((error: unknown) => {
    throw cannotListen(options.listen, error);
  });
  const { address: ip, port } = agent.app.server.address() as { address: string; port: number };
  log.info({ host, root: options.root, address: ip, port }, 'agent serves');
  const rotation = setInterval(() => {
    const identity = store.current();
    if (agent.useIdentity(identity)) log.info({ notAfter: identity.notAfter }, 'took up new certificates');
  }, ROTATE_EVERY_MS);
  const signal = await stopSignal();
  log.info({ signal }, 'agent stops: it finishes the applies that have begun');
  clearInterval(rotation);
  await close();
  log.info('agent stopped');
  return EXIT_DONE;
}

/** The first signal; a second one ends the process at once, which is safe: what is half done is completed at the next start. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}

function parseAddress(listen: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[3]);
  if (match && port <= 65_535) return { host: (match[1] ?? match[2]) as string, port };
  throw new FlotillaError('UsageInvalid', `--listen: expected ADDRESS:PORT, found ${JSON.stringify(listen)}`, {
    hint: 'such as 0.0.0.0:7443, 10.0.0.7:7443 or [::]:7443',
  });
}

function cannotListen(listen: string, cause: unknown): FlotillaError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const why: Record<string, string> = {
    EADDRINUSE: 'something listens there already',
    EACCES: 'it takes more rights than this user has',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  return new FlotillaError('UsageInvalid', `cannot listen at ${listen}: ${why[code] ?? (code || 'unexpected error')}`, {
    cause,
    hint: 'choose another address with --listen',
  });
}
