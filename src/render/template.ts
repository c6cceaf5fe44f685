import type { Problem } from '../errors.js';
import type { Values } from '../manifest/desired-state.js';
import type { Node } from './compile-mustache.js';
import type { OnChangeRule, Ownership } from './file-set.js';
import type { ShapeCache } from './parse-shaped.js';

/** A template as it was read: parsed once, good for any number of instances. */
export interface Template {
  name: string;
  /** `sha256:` and the hex digest of everything that its rendering depends on, but for the view. */
  digest: string;
  spec: TemplateSpec;
  /** Sorted by path. */
  files: readonly TemplateFile[];
}

/** What template.yaml says, with its defaults filled in. */
export interface TemplateSpec {
  compose: readonly string[];
  tenantCompose: readonly string[];
  onChange: readonly OnChangeRule[];
  /** What is wrong with values, by JSON pointer; empty when they meet valuesSchema, or when there is none. */
  checkValues(values: Values): readonly ValueFinding[];
}

export interface ValueFinding {
  /** Such as `/smtp/host`; empty for the values as a whole. */
  pointer: string;
  message: string;
  hint?: string;
  /** The dotted name, as a template writes it, of what is not there; only where that is what is wrong. */
  missing?: string;
}

export interface TemplateFile {
  /** Under `files/`, without `.mustache`; may hold tags. */
  path: string;
  /** The parsed path; null when it holds no tags. */
  pathNodes: readonly Node[] | null;
  /** The file in the template, as shown in problems. */
  source: string;
  content: TemplateContent;
  mode: number;
  sensitive: boolean;
  ownership: Ownership;
  unlessRegistered: boolean;
}

export type TemplateContent =
  /** The same for every instance, with what is known of it. `document` as in RenderedFile. */
  | { kind: 'constant'; bytes: Buffer; sha256: string; document?: readonly unknown[] }
  | { kind: 'mustache'; nodes: readonly Node[]; syntax: Syntax; shapes: ShapeCache };

/** How a rendered file must parse; null for a file that may hold anything. */
export type Syntax = 'yaml' | 'json' | null;

/** All templates of a directory. A bad one is in `problems`, and does not hide the others. */
export interface TemplateStore {
  get(name: string): Template | undefined;
  /** @throws FlotillaError TemplateInvalid with all its problems; TemplateNotFound with the nearest name */
  use(name: string): Template;
  /** Every folder, the bad ones included; sorted. */
  names: readonly string[];
  problems: readonly Problem[];
}
