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
  /** The names of other documents that its spec gives. */
  references: References;
}

export interface References {
  fleet?: string;
  host?: string;
  template?: string;
}
