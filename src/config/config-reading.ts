import { resolve } from 'node:path';
import type { PathPart } from '../manifest/finding.js';
import type { Environment } from './overrides.js';
import { type ReadText, readSecretFile, readSecretVariable } from './secret-file.js';

/** What it takes to follow what a configuration refers to. */
export interface ConfigReading {
  /** What relative paths of the file are relative to. */
  base: string;
  env: Environment;
  /** Tells of a problem at a path of the file. */
  report(path: readonly PathPart[], fault: string, hint?: string): void;
}

/** The secret that a file (`NAMEFile`) or a variable (`NAMEEnv`) of a map holds; undefined where that was reported, or neither is named. */
export async function loadSecret(
  map: object,
  name: string,
  at: readonly PathPart[],
  reading: ConfigReading,
): Promise<string | undefined> {
  const fields = map as Readonly<Record<string, string | undefined>>;
  const [file, variable] = [fields[`${name}File`], fields[`${name}Env`]];
  if (file !== undefined) {
    return textOf(await readSecretFile(resolve(reading.base, file)), [...at, `${name}File`], reading);
  }
  if (variable === undefined) return undefined;
  return textOf(readSecretVariable(reading.env, variable), [...at, `${name}Env`], reading);
}

/** The text, or undefined after its fault was reported. */
export function textOf(read: ReadText, at: readonly PathPart[], { report }: ConfigReading): string | undefined {
  if ('text' in read) return read.text;
  report(at, read.fault, read.hint);
  return undefined;
}
