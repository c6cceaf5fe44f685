import type { Problem } from '../errors.js';
import { describeType } from '../manifest/describe-schema-error.js';
import { nearestName } from '../manifest/nearest.js';
import * as parts from './watch-config-parts.js';

/** Settings that do not come from the file, as they were typed. */
export interface WatchFlags {
  manifests?: string | undefined;
  templates?: string | undefined;
  state?: string | undefined;
  pki?: string | undefined;
  /** `off` for no HTTP. */
  listen?: string | undefined;
  logLevel?: string | undefined;
  /** Per host. */
  concurrency?: string | number | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What flags and environment say: checked, with whoever said it last winning. */
export interface Overrides {
  manifests?: string;
  templates?: string;
  state?: string;
  pki?: string;
  listen?: string;
  logLevel?: (typeof parts.logLevel.enum)[number];
  perHost?: number;
}

/**
 * Flags win over the environment; an empty variable counts as none. Pure.
 *
 * @returns what is in order, and problems with the name of the flag or variable in place of a file
 */
export function readOverrides(flags: WatchFlags, env: Environment): { overrides: Overrides; problems: Problem[] } {
  const overrides: Overrides = {};
  const problems: Problem[] = [];
  for (const { flag, variable, name, ...setting } of SETTINGS) {
    const fromFlag = flags[name];
    const text = fromFlag ?? (env[variable] || undefined);
    if (text === undefined) continue;
    const fault = setting.set(overrides, String(text));
    if (fault === null) continue;
    const file = fromFlag === undefined ? variable : flag;
    const shown = `expected ${fault.expected}, found ${describeType(String(text))}`;
    const hint = fault.nearest === undefined ? {} : { hint: `did you mean ${fault.nearest}?` };
    problems.push({ code: 'ConfigInvalid', message: shown, file, ...hint });
  }
  return { overrides, problems };
}

/** null when it is in order. */
type Fault = { expected: string; nearest?: string | undefined } | null;

interface Setting {
  name: keyof WatchFlags;
  flag: string;
  variable: string;
  set(overrides: Overrides, text: string): Fault;
}

const SETTINGS: readonly Setting[] = [
  directory('manifests'),
  directory('templates'),
  directory('state'),
  directory('pki'),
  { name: 'listen', flag: '--listen', variable: 'FLOTILLA_LISTEN', set: setListen },
  { name: 'logLevel', flag: '--log-level', variable: 'FLOTILLA_LOG_LEVEL', set: setLogLevel },
  { name: 'concurrency', flag: '--concurrency', variable: 'FLOTILLA_CONCURRENCY', set: setConcurrency },
];

function directory(name: 'manifests' | 'templates' | 'state' | 'pki'): Setting {
  const set = (overrides: Overrides, text: string): Fault => {
    if (text === '' || text.includes('\0')) return { expected: 'a path' };
    overrides[name] = text;
    return null;
  };
  return { name, flag: `--${name}`, variable: `FLOTILLA_${name.toUpperCase()}`, set };
}

function setListen(overrides: Overrides, text: string): Fault {
  if (!new RegExp(parts.listen.pattern).test(text)) return { expected: parts.listen.title };
  overrides.listen = text;
  return null;
}

function setLogLevel(overrides: Overrides, text: string): Fault {
  const level = parts.logLevel.enum.find((each) => each === text);
  if (level === undefined) {
    return { expected: parts.logLevel.enum.join(' or '), nearest: nearestName(text, parts.logLevel.enum) };
  }
  overrides.logLevel = level;
  return null;
}

function setConcurrency(overrides: Overrides, text: string): Fault {
  const { minimum, maximum, title } = parts.perHost;
  const count = Number(text);
  if (!/^[0-9]+$/.test(text) || count < minimum || count > maximum) return { expected: title };
  overrides.perHost = count;
  return null;
}
