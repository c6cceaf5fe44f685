import type { AddressInfo } from 'node:net';
import { describeReload } from '../../config/describe-reload.js';
import { loadWatchConfig } from '../../config/load-watch-config.js';
import type { WatchFlags } from '../../config/overrides.js';
import type { WatchConfig } from '../../config/watch-config.js';
import { formatPlace } from '../../controller/format-problem.js';
import { FlotillaError } from '../../errors.js';
import { createLogger, type Logger } from '../../log.js';
import { checkNoticeTemplate } from '../../notify/notice-template.js';
import { EXIT_DONE, exitCodeOfSignal } from '../exit-code.js';
import type { Io } from '../io.js';
import { cannotListen, parseAddress } from '../listen-address.js';
import { type OpenWatch, openWatch } from './open-watch.js';

interface Options extends WatchFlags {
  config?: string;
  checkConfig?: boolean;
  color: boolean;
  io: Io;
}

/** How long an apply that only waits for health may go on once the daemon is to stop. */
const GRACE_MS = 60_000;

/**
 * `flotilla watch`: keeps the fleet as its source desires it, until SIGINT or SIGTERM; SIGHUP reads the configuration again.
 * With --check-config it only says what is wrong with that.
 */
export async function watchCommand(_args: object, options: Options): Promise<number> {
  const config = await readConfig(options);
  if (options.checkConfig) {
    await options.io.out.write('the configuration is valid\n');
    return EXIT_DONE;
  }
  const log = await createLogger({ level: config.logLevel, pretty: options.io.err.isTty });
  const signals = listenForSignals(log);
  try {
    const watch = await openWatch(config, { log, env: options.io.env });
    try {
      // First: where the address is taken, nothing has begun.
      await listen(watch, config, log);
      await watch.start();
      log.info({ source: watch.sourceName, state: config.state }, 'daemon watches');
      await followSignals(watch, config, { options, log, signals });
    } finally {
      await watch.stop(GRACE_MS);
    }
  } finally {
    signals.dispose();
  }
  log.info('daemon stopped');
  return EXIT_DONE;
}

function readConfig({ config: file, io, ...flags }: Options): Promise<WatchConfig> {
  return loadWatchConfig({ file, flags, env: io.env, cwd: process.cwd(), checkNoticeTemplate });
}

async function listen({ api }: OpenWatch, { listen: address }: WatchConfig, log: Logger): Promise<void> {
  if (address === null) return;
  await api.listen(parseAddress(address)).catch((error: unknown) => {
    throw cannotListen(address, error);
  });
  const { address: ip, port } = api.server.address() as AddressInfo;
  log.info({ address: ip, port }, 'metrics, probes and webhooks are served');
}

interface Following {
  options: Options;
  log: Logger;
  signals: Signals;
}

/** Until it is to stop. */
async function followSignals(
  watch: OpenWatch,
  first: WatchConfig,
  { options, log, signals }: Following,
): Promise<void> {
  let config = first;
  for (;;) {
    const signal = await signals.next();
    if (signal !== 'SIGHUP') {
      log.info({ signal }, 'daemon stops: it finishes the applies that have begun');
      return;
    }
    config = await reload(watch, config, options, log);
  }
}

/** A configuration that is wrong changes nothing. */
async function reload(watch: OpenWatch, before: WatchConfig, options: Options, log: Logger): Promise<WatchConfig> {
  try {
    const after = await readConfig(options);
    const { applied, needsRestart } = describeReload(before, after);
    watch.reconfigure(after);
    log.level = after.logLevel;
    log.info({ applied }, 'configuration read again');
    if (needsRestart.length > 0) log.warn({ settings: needsRestart }, 'settings that only a restart changes');
    return after;
  } catch (err) {
    log.error({ err, problems: placesOf(err) }, 'configuration cannot be read: the one from before stays in force');
    return before;
  }
}

/** What is wrong and where, without the text that it stands in. */
function placesOf(error: unknown): string[] {
  if (!(error instanceof FlotillaError)) return [];
  return error.problems.map((problem) => `${formatPlace(problem)}: ${problem.message}`);
}

interface Signals {
  /** The next SIGHUP, SIGINT or SIGTERM. */
  next(): Promise<NodeJS.Signals>;
  dispose(): void;
}

/**
 * A second SIGINT or SIGTERM ends the process at once. That is safe: what a host has begun it finishes, and what is half done
 * is completed at the next start.
 */
function listenForSignals(log: Logger): Signals {
  const waiting: NodeJS.Signals[] = [];
  let wake = () => {};
  let stops = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (signal !== 'SIGHUP' && ++stops > 1) {
      log.warn({ signal }, 'daemon ends at once: the next start completes what is half done');
      process.exit(exitCodeOfSignal(signal));
    }
    waiting.push(signal);
    wake();
  };
  const names = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;
  for (const name of names) process.on(name, onSignal);
  return {
    async next() {
      for (;;) {
        const signal = waiting.shift();
        if (signal) return signal;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    dispose() {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
