import type { ReconcileEvent, ReconcileItem } from '../controller/report.js';
import { ERROR_CODES } from '../errors.js';
import type { Logger } from '../log.js';

/** One line an event. info: the world changed; debug: in sync; warn: worth a retry; error: a person is needed. */
export function logEvent(log: Logger, event: ReconcileEvent): void {
  const { slug } = event;
  switch (event.type) {
    case 'started':
      log.debug({ slug }, 'instance started');
      break;
    case 'phase':
      log.debug({ slug, phase: event.phase, service: event.service }, 'phase entered');
      break;
    case 'finished':
      logOutcome(log, event.item);
      break;
  }
}

function logOutcome(log: Logger, { slug, host, imageTag, result, plan, error, applied }: ReconcileItem): void {
  const fields = { slug, host, imageTag };
  switch (result) {
    case 'inSync':
      log.debug(fields, 'instance in sync');
      break;
    case 'changed':
      log.info({ ...fields, operations: plan?.operations.length }, 'instance has changes pending');
      break;
    case 'converged':
      log.info({ ...fields, generation: applied?.generation }, 'instance converged');
      break;
    case 'waiting':
      log[plan?.gate?.blocked ? 'error' : 'info']({ ...fields, reason: plan?.gate?.reason }, 'instance waiting');
      break;
    case 'failed': {
      const level = error && !ERROR_CODES[error.code].terminal ? 'warn' : 'error';
      log[level]({ ...fields, code: error?.code, phase: error?.phase }, 'instance failed');
      break;
    }
  }
}
