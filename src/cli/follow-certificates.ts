import { schedule } from 'node-cron';
import { checkValidity, requireAgent } from '../agent/check/check-certificate.js';
import type { Agent } from '../agent/server/build-agent.js';
import { FlotillaError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Identity } from '../pki/identity.js';
import type { IdentityStore } from '../pki/identity-store.js';

/** How often the certificates on disk are looked at. */
const LOOK_EVERY_MS = 2_000;
/** When a person may read it, by the clock of this machine. */
const EVERY_MORNING = '0 6 * * *';

/**
 * Has the agent take up certificates and lists of revocations as they are replaced on disk, and warns each morning of one
 * that serves not much longer. Returns what ends it.
 */
export function followCertificates(options: {
  agent: Agent;
  store: IdentityStore;
  first: Identity;
  log: Logger;
}): () => void {
  const { agent, store, first, log } = options;
  let seen = first;
  const look = () => {
    const next = store.current();
    if (next === seen) return;
    seen = next;
    try {
      requireSameHost(next, first);
      if (!agent.useIdentity(next)) return;
      log.info({ notAfter: next.notAfter, revoked: next.revoked.size }, 'took up new certificates');
      warnOf(next, log);
    } catch (err) {
      log.error({ err }, 'cannot use the new certificates: those from before stay in use');
    }
  };
  warnOf(first, log);
  const timer = setInterval(look, LOOK_EVERY_MS);
  const reminder = schedule(EVERY_MORNING, () => warnOf(seen, log));
  return () => {
    clearInterval(timer);
    void reminder.destroy();
  };
}

/** A folder of another machine that was copied here by mistake would end every connection. */
function requireSameHost(next: Identity, first: Identity): void {
  requireAgent(next, 'the folder');
  if (next.name === first.name) return;
  throw new FlotillaError('PkiInvalid', `they are of agent ${next.name}, and this is ${first.name}`);
}

function warnOf(identity: Identity, log: Logger): void {
  const { level, message: problem, hint } = checkValidity(identity, new Date());
  if (level !== 'ok') log[level === 'warn' ? 'warn' : 'error']({ problem, hint }, 'look at the certificate');
}
