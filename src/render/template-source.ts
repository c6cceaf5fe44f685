import type { PathPart } from '../manifest/finding.js';

/** A template's folder as it was read. */
export interface TemplateSource {
  /** The folder's name. */
  name: string;
  manifest: { file: string; text: string };
  /** By path under `files/`, sorted. */
  files: readonly SourceFile[];
  /** By name: the path under `partials/` without `.mustache`. */
  partials: ReadonlyMap<string, { file: string; text: string }>;
}

export interface SourceFile {
  path: string;
  /** As shown in problems. */
  source: string;
  bytes: Buffer;
  executable: boolean;
}

/** Something wrong with what template.yaml says, by path. */
export interface SpecFault {
  path: readonly PathPart[];
  message: string;
  hint?: string;
}
