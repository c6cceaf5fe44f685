import type { Logger } from '../../log.js';
import type { Pass } from './instance-pass.js';

/** One line a pass. info: the world changed; debug: in sync; warn: it is tried again; error: a person is needed. */
export function logPass(log: Logger, { item, terminal, rolledBack }: Pass, seconds: number): void {
  const { host, imageTag, result, plan, error, applied } = item;
  const fields = { host, imageTag, seconds: Math.round(seconds * 1_000) / 1_000 };
  switch (result) {
    case 'inSync':
    case 'changed':
      log.debug(fields, 'instance in sync');
      break;
    case 'converged':
      log.info({ ...fields, generation: applied?.generation }, 'instance converged');
      break;
    case 'waiting':
      log[plan?.gate?.blocked ? 'warn' : 'info']({ ...fields, reason: plan?.gate?.reason }, 'instance waiting');
      break;
    case 'failed': {
      const level =
        error?.code === 'Superseded' || error?.code === 'Cancelled'
          ? 'info'
          : terminal || rolledBack
            ? 'error'
            : 'warn';
      log[level](
        { ...fields, code: error?.code, phase: error?.phase, reason: error?.message, rolledBack },
        'instance failed',
      );
      break;
    }
  }
}
