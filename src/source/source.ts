import type { DesiredState } from '../manifest/desired-state.js';
import type { TemplateStore } from '../render/template.js';

/** Desired state as it was read at one moment: all of one commit, or of one look at a directory. */
export interface Snapshot {
  /** As in `desired`: a commit's full hash, or `sha256:` and the digest of the directory. */
  revision: string;
  /** Who committed it, as `Name <address>`; null where nobody is known. */
  author: string | null;
  /** What is wrong with templates is in its `problems`, too. */
  desired: DesiredState;
  templates: TemplateStore;
}

/**
 * The port to where desired state is kept. Level-based: a change says only that it is worth reading again, and what is read
 * is always the whole.
 */
export interface Source {
  /** For messages and logs: the directory, or the remote without credentials, and its branch or tag. */
  readonly name: string;
  /**
   * Reads it again. The same object as before when nothing is different.
   * @throws FlotillaError SourceUnreadable, SourceRefused (a signature that does not hold), TimedOut, Cancelled
   */
  read(options: { signal: AbortSignal }): Promise<Snapshot>;
  /**
   * Reads it as it was at an earlier revision. null where that cannot be had any more: the source keeps no past, or history
   * was rewritten since, or its signature does not hold.
   * @throws FlotillaError as `read` does
   */
  readAt(revision: string, options: { signal: AbortSignal }): Promise<Snapshot | null>;
  /** Calls `onChange` whenever it is worth reading again, until `signal` ends it. Resolves once that is in place. */
  watch(options: { onChange: () => void; signal: AbortSignal }): Promise<void>;
}
