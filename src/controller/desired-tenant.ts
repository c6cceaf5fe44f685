import type { DesiredInstance } from '../manifest/desired-state.js';
import type { DesiredTenant } from '../plan/plan.js';
import type { FileSet } from '../render/file-set.js';
import type { Template } from '../render/template.js';

/** What the planner is told of a rendered instance: everything but the bytes. */
export function toDesiredTenant(
  instance: DesiredInstance,
  template: Template,
  fileSet: FileSet,
  revision: string,
): DesiredTenant {
  const { slug, project, directory, host, fleet, imageTag, registered, suspend, driftPolicy, maintenance, timeouts } =
    instance;
  return {
    slug,
    project,
    directory,
    host,
    fleet,
    template: template.name,
    revision,
    imageTag,
    registered,
    suspend,
    driftPolicy,
    maintenance,
    timeouts,
    digest: fileSet.digest,
    files: fileSet.files.map(({ path, sha256, mode, size, sensitive, ownership }) => ({
      path,
      sha256,
      mode,
      size,
      sensitive,
      ownership,
    })),
    released: fileSet.released,
    compose: template.spec.compose,
    tenantCompose: template.spec.tenantCompose,
    onChange: template.spec.onChange,
  };
}
