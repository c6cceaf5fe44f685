import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentLimits } from '../../../src/agent/server/build-agent.js';
import type { TenantDriver } from '../../../src/agent-client/tenant-driver.js';
import { createLogger } from '../../../src/log.js';
import { type Identity, loadIdentity } from '../../../src/pki/identity.js';
import { makePki, type Pki, type PkiPlan } from '../../support/pki.js';
import { type Asker, type Caller, createAsker } from '../../support/raw-http.js';
import { startAgent, type TestAgent } from '../../support/remote.js';

/** An agent under test, and a controller that it accepts. */
export interface Served extends TestAgent {
  directory: string;
  root: string;
  controller: Identity;
  caller: Caller;
  asker: Asker;
  pki: Pki;
  /** All that was logged, at any level. */
  logged(): string;
  stop(): Promise<void>;
}

/** No engine is needed: by default a local driver, which for files alone asks none. */
export async function serve(
  options: { limits?: Partial<AgentLimits>; driver?: TenantDriver; pki?: Pki; plan?: PkiPlan } = {},
): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-served-'));
  const root = join(directory, 'root');
  mkdirSync(root);
  const pki = options.pki ?? (await makePki(join(directory, 'pki'), options.plan ?? { agents: [{ name: 'one' }] }));
  const logFile = join(directory, 'log');
  const logFd = openSync(logFile, 'a');
  const log = await createLogger({ level: 'trace', pretty: false, destination: logFd });
  const { limits, driver } = options;
  const started = await startAgent(root, { pki, log, ...(limits && { limits }), ...(driver && { driver }) });
  const controller = loadIdentity(pki.controllers.controller as string);
  const caller = { url: started.url, identity: controller, ca: controller.ca };
  const asker = createAsker(caller);
  return {
    ...started,
    directory,
    root,
    pki,
    controller,
    caller,
    asker,
    logged: () => readFileSync(logFile, 'utf8'),
    async stop() {
      asker.close();
      await started.close();
      closeSync(logFd);
      rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

/** Answers nothing by itself; `over` says what a test is about. */
export function stubDriver(over: Partial<TenantDriver> = {}): TenantDriver {
  const unasked = (what: string) => () => Promise.reject(new Error(`nobody should ask for ${what}`));
  return {
    observe: unasked('observe'),
    inspect: unasked('inspect'),
    apply: unasked('apply'),
    generations: unasked('generations'),
    planRollback: unasked('planRollback'),
    events: async function* () {
      yield { type: 'resync' as const };
    },
    close: async () => undefined,
    ...over,
  };
}
