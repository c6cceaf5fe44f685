import { FlotillaError } from '../../errors.js';

export interface AdmissionLimits {
  /** Requests at once. */
  slots: number;
  /** Requests that wait for a slot, their bodies unread. */
  waiting: number;
  /** How long one waits, in milliseconds. */
  patienceMs: number;
}

export interface Admission {
  /**
   * @param gone whoever waits leaves the queue when it is aborted
   * @returns what gives the slot back, once
   * @throws FlotillaError HostBusy; Cancelled for one that has gone
   */
  enter(gone: AbortSignal): Promise<() => void>;
}

/** Bounds how much is worked on at once, and with it memory: who finds no slot waits in order, and not for ever. */
export function createAdmission({ slots, waiting, patienceMs }: AdmissionLimits): Admission {
  let free = slots;
  const queue = new Set<() => void>();
  const leave = () => {
    const [next] = queue;
    if (next) next();
    else free += 1;
  };
  const pass = () => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      leave();
    };
  };
  return {
    async enter(gone) {
      if (gone.aborted) throw wentAway();
      if (free > 0) {
        free -= 1;
        return pass();
      }
      if (queue.size >= waiting) throw busy();
      return new Promise((resolve, reject) => {
        const stopWaiting = () => {
          clearTimeout(timer);
          gone.removeEventListener('abort', giveUp);
          queue.delete(admit);
        };
        const admit = () => {
          stopWaiting();
          resolve(pass());
        };
        const giveUp = () => {
          stopWaiting();
          reject(gone.aborted ? wentAway() : busy());
        };
        const timer = setTimeout(giveUp, patienceMs);
        gone.addEventListener('abort', giveUp);
        queue.add(admit);
      });
    },
  };
}

function busy(): FlotillaError {
  return new FlotillaError('HostBusy', 'the agent has more to do than it takes on at once', {
    hint: 'try again later, or with a smaller --concurrency',
  });
}

function wentAway(): FlotillaError {
  return new FlotillaError('Cancelled', 'the asker went away');
}
