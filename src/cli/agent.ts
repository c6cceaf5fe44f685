import type { Logger, LogLevel } from '../log.js';
import { createLogger } from '../log.js';
import { EXIT_DONE, exitCodeOfSignal } from './exit-code.js';
import { followCertificates } from './follow-certificates.js';
import type { Io } from './io.js';
import { cannotListen, parseAddress } from './listen-address.js';
import { readVersion } from './version.js';

interface Options {
  root: string;
  listen: string;
  pki: string;
  check?: boolean;
  format: 'text' | 'json';
  color: boolean;
  logLevel: LogLevel;
  io: Io;
}

/** `flotilla agent`: serves until SIGINT or SIGTERM, then finishes what it has begun. With --check it only looks. */
export async function agentCommand(args: object, options: Options): Promise<number> {
  if (options.check) return (await import('./agent-check.js')).agentCheckCommand(args, options);
  const address = parseAddress(options.listen);
  const { openAgent } = await import('./open-agent.js');
  const log = await createLogger({ level: options.logLevel, pretty: options.io.err.isTty });
  const { agent, store, identity, close } = await openAgent({ ...options, log, version: readVersion() });
  const stop = listenForStop(log);
  const stopFollowing = followCertificates({ agent, store, first: identity, log });
  try {
    await agent.app.listen(address).catch((error: unknown) => {
      throw cannotListen(options.listen, error);
    });
    const { address: ip, port } = agent.app.server.address() as { address: string; port: number };
    log.info({ host: identity.name, root: options.root, address: ip, port }, 'agent serves');
    log.info({ signal: await stop.first }, 'agent stops: it finishes the applies that have begun');
  } finally {
    stopFollowing();
    await close();
    stop.dispose();
  }
  log.info('agent stopped');
  return EXIT_DONE;
}

/**
 * The first signal; a second one ends the process at once. That is safe: the kernel keeps an instance locked for as long as
 * the compose that was left behind runs, and what is half done is completed at the next start.
 */
function listenForStop(log: Logger): { first: Promise<NodeJS.Signals>; dispose(): void } {
  let resolveFirst: ((signal: NodeJS.Signals) => void) | null;
  const first = new Promise<NodeJS.Signals>((resolve) => {
    resolveFirst = resolve;
  });
  const onSignal = (signal: NodeJS.Signals) => {
    if (resolveFirst === null) {
      log.warn({ signal }, 'agent ends at once: the next start completes what is half done');
      process.exit(exitCodeOfSignal(signal));
    }
    resolveFirst(signal);
    resolveFirst = null;
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return { first, dispose: () => process.off('SIGINT', onSignal).off('SIGTERM', onSignal) };
}
