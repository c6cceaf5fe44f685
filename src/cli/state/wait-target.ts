import type { Condition, InstanceStatus } from '../../history/instance-status.js';

/** What `flotilla wait` waits for. */
export interface WaitTarget {
  type: Condition['type'];
  status: 'True' | 'False';
}

export const CONDITION_TYPES = ['Ready', 'Reconciling', 'Stalled', 'Drifted'] as const satisfies Condition['type'][];

/** `Ready` or `Ready=False`, whatever the case of its letters; undefined for any other text. */
export function parseWaitTarget(text: string): WaitTarget | undefined {
  const [name = '', status = 'True', ...rest] = text.split('=');
  const type = CONDITION_TYPES.find((each) => each.toLowerCase() === name.toLowerCase());
  const wanted = (['True', 'False'] as const).find((each) => each.toLowerCase() === status.toLowerCase());
  return type === undefined || wanted === undefined || rest.length > 0 ? undefined : { type, status: wanted };
}

/** Whether it has come, and whether it can still come without a person. `now` says what is instead, in a sentence. */
export type Verdict =
  | { outcome: 'met'; reason: string }
  | { outcome: 'waiting'; now: string }
  | { outcome: 'hopeless'; now: string };

/**
 * Judges one instance. After kstatus, a condition of trouble that is not there is False, and Ready is Unknown then. An
 * instance that is Stalled will not become Ready by itself.
 *
 * @param status undefined where the daemon does not know the instance
 */
export function judge(status: InstanceStatus | undefined, { type, status: wanted }: WaitTarget): Verdict {
  if (status === undefined) return { outcome: 'waiting', now: 'the daemon does not know it' };
  const find = (each: Condition['type']) => status.conditions.find((condition) => condition.type === each);
  const condition = find(type);
  const is = condition?.status ?? (type === 'Ready' ? 'Unknown' : 'False');
  const stalled = find('Stalled');
  // Also one that is Ready: it may be held at an older desired state.
  if (type === 'Ready' && wanted === 'True' && stalled?.status === 'True') {
    return { outcome: 'hopeless', now: `${describe(stalled)}; a person is needed` };
  }
  if (is === wanted) return { outcome: 'met', reason: condition?.reason ?? 'NotSet' };
  return { outcome: 'waiting', now: condition === undefined ? `${type} is ${is}` : describe(condition) };
}

function describe({ type, status, reason, message }: Condition): string {
  return `${type} is ${status} (${reason})${message === '' ? '' : `: ${message}`}`;
}
