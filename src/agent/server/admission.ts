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
  /** @returns what gives the slot back, once. @throws FlotillaError HostBusy */
  enter(): Promise<() => void>;
}

/** Bounds how much is worked on at once, and with it memory: who finds no slot waits in order, and not for ever. */
export function createAdmission({ slots, waiting, patienceMs }: AdmissionLimits): Admission {
  let free = slots;
  const queue: (() => void)[] = [];
  const leave = () => {
    const next = queue.shift();
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
    enter() {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(pass());
      }
      if (queue.length >= waiting) return Promise.reject(busy());
      return new Promise((resolve, reject) => {
        const admit = () => {
          clearTimeout(timer);
          resolve(pass());
        };
        const timer = setTimeout(() => {
          queue.splice(queue.indexOf(admit), 1);
          reject(busy());
        }, patienceMs);
        queue.push(admit);
      });
    },
  };
}

function busy(): FlotillaError {
  return new FlotillaError('HostBusy', 'the agent has more to do than it takes on at once', {
    hint: 'try again later, or with a smaller --concurrency',
  });
}
