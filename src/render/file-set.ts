export type Ownership = 'Managed' | 'CreateOnly';

/** What is known of one rendered file without its bytes. */
export interface FileEntry {
  /** Relative to the instance, `/`-separated, normalised. */
  path: string;
  /** Lower-case hex of the content. */
  sha256: string;
  /** Permission bits, such as 0o644. */
  mode: number;
  /** Bytes. */
  size: number;
  /** Diffs of it show masked values. */
  sensitive: boolean;
  /** CreateOnly: written once where it is absent, from then on the tenant's own. */
  ownership: Ownership;
}

export interface RenderedFile extends FileEntry {
  content: Buffer;
  /**
   * For *.yml, *.yaml and *.json: the plain value of each document in it, as `parseComposeText` gives them, so that nobody
   * parses it again. Parts are shared between instances: never changed, and never sent anywhere.
   */
  document?: readonly unknown[];
}

/** All files that one instance's template renders to. */
export interface FileSet {
  /** `sha256:` and the hex digest over (path, mode, sha256, sensitive, ownership) of every file. */
  digest: string;
  /** Sorted by path, by code unit. */
  files: readonly RenderedFile[];
  /**
   * Paths that this instance keeps for itself, sorted: never written or removed. For a registered tenant that is always
   * the `.env`, and what else the template leaves to it.
   */
  released: readonly string[];
}

/** Of a template's spec: what to do with a service once a path that it reads has changed. */
export interface OnChangeRule {
  path: string;
  service: string;
  action: 'Restart' | 'Recreate' | 'None' | `Signal:${string}`;
}
