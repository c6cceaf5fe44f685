import { tmpdir } from 'node:os';
import type { ComposeModel } from '../../compose/model.js';
import type { ComposeCall, ComposeProject } from '../compose/compose-cli.js';
import { loadComposeModel, presentComposeFiles, quotableWords } from '../compose/load-compose-model.js';
import { quotableImages } from '../compose/written-images.js';
import { buildShadow } from '../files/shadow.js';
import type { Apply } from './apply.js';

/** What compose makes of the new files, and the calls to make with them. */
export interface StagedModel {
  model: ComposeModel;
  /** The new files where compose can read them before they are in place. */
  staged: ComposeProject;
  /** The same once they are. */
  live: ComposeProject;
  call: Pick<ComposeCall, 'known' | 'images' | 'services'>;
  leaveShadow(): Promise<void>;
}

const CONFIG_TIMEOUT_MS = 60_000;

/** Has compose's own parser read the new files as they will stand. @throws FlotillaError ComposeInvalid, EnvMissing, ... */
export async function validateStaged(apply: Apply): Promise<StagedModel> {
  const { host, plan, tenantDir, files } = apply;
  const changed = new Set(plan.operations.flatMap((operation) => (operation.kind === 'write' ? [operation.path] : [])));
  const shadow = await buildShadow(tenantDir, {
    base: tmpdir(),
    writes: files.filter((file) => changed.has(file.path)),
    removes: plan.operations.flatMap((operation) => (operation.kind === 'remove' ? [operation.path] : [])),
  });
  const composeFiles = presentComposeFiles(shadow.directory, plan);
  const staged = { project: plan.project, directory: shadow.directory, files: composeFiles };
  const known = quotableWords(plan, files);
  try {
    const call = {
      known,
      timeoutMs: CONFIG_TIMEOUT_MS,
      lockFd: apply.lock.fd,
      signal: apply.signal,
    };
    const model = await loadComposeModel(host, staged, tenantDir, call);
    const services = Object.values(model.services);
    const written = quotableImages(plan, tenantDir, files);
    return {
      model,
      staged,
      live: { ...staged, directory: tenantDir },
      call: {
        known,
        images: services.map(({ name, image }) => ({ service: name, resolved: image, raw: written.get(name) ?? '' })),
        services: new Set(services.map(({ name }) => name)),
      },
      leaveShadow: shadow.dispose,
    };
  } catch (error) {
    await shadow.dispose();
    throw error;
  }
}
