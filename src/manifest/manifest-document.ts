import type { FleetManifest, HostManifest, InstanceManifest, ManifestKind, TemplateManifest } from './schema.js';

/** Which document of which file, counting those of the file that are not empty from 0. */
export interface DocumentPlace {
  file: string;
  index: number;
  /** The line it starts on, from 1. */
  line: number;
}

type ManifestOf<Kind extends ManifestKind> = {
  Instance: InstanceManifest;
  Fleet: FleetManifest;
  Host: HostManifest;
  Template: TemplateManifest;
}[Kind];

/** A document that meets its schema. Shared between loads: never changed. */
export type ManifestDocument<Kind extends ManifestKind = ManifestKind> = {
  [Each in Kind]: { place: DocumentPlace; kind: Each; name: string; manifest: ManifestOf<Each> };
}[Kind];

/** A document with problems, and as much as could be read of it. */
export interface BrokenDocument {
  place: DocumentPlace;
  kind: string | undefined;
  /** Only when it is a name that the schema admits. */
  name: string | undefined;
  /** Not valid YAML: where a separator is lost, it may hold more than one document. */
  malformed: boolean;
  /** The names of other documents that its spec gives. */
  references: References;
}

/**
 * The slug of the instance that a document declares. One whose kind cannot be told counts as an instance, so that a
 * mangled manifest never looks like a removed one.
 */
export function slugOf({ kind, name }: Pick<BrokenDocument, 'kind' | 'name'>): string | undefined {
  return kind !== undefined && OTHER_KINDS.has(kind) ? undefined : name;
}

const OTHER_KINDS = new Set<string>(['Fleet', 'Host', 'Template']);

export interface References {
  fleet?: string;
  host?: string;
  template?: string;
}
