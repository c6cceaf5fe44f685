import { parseComposeText } from '../../compose/compose-text.js';
import { entriesOf, entryOf } from '../../compose/compose-values.js';
import type { RenderedFile } from '../../render/file-set.js';
import { readProjectFile } from '../files/confined-file.js';

/**
 * The image of each service as it is written in the compose files, with variables by name. Services that come from
 * `include` or `extends` have none.
 *
 * @param tenantDir where the files are read that are not among `files`
 */
export function writtenImages(
  { compose, tenantCompose }: { compose: readonly string[]; tenantCompose: readonly string[] },
  tenantDir: string,
  files: readonly RenderedFile[] = [],
): Map<string, string> {
  const rendered = new Map(files.map((file) => [file.path, file]));
  const images = new Map<string, string>();
  for (const path of [...compose, ...tenantCompose]) {
    const file = rendered.get(path);
    const documents = file?.document ?? documentsOf(file?.content.toString('utf8') ?? readProjectFile(tenantDir, path));
    for (const [name, service] of documents.flatMap((document) => entriesOf(entryOf(document, 'services')))) {
      const image = entryOf(service, 'image');
      if (typeof image === 'string') images.set(name, image);
    }
  }
  return images;
}

/** The same of services whose image stands in a file that errors may quote: rendered, and not sensitive. */
export function quotableImages(
  tenant: { compose: readonly string[]; tenantCompose: readonly string[] },
  tenantDir: string,
  files: readonly RenderedFile[],
): Map<string, string> {
  const open = new Set(files.filter(({ sensitive }) => !sensitive).map(({ path }) => path));
  const quotable = { compose: tenant.compose.filter((path) => open.has(path)), tenantCompose: [] };
  const images = writtenImages(tenant, tenantDir, files);
  const own = writtenImages(quotable, tenantDir, files);
  return new Map([...own].filter(([service, image]) => images.get(service) === image));
}

function documentsOf(text: string | undefined): readonly unknown[] {
  const parsed = parseComposeText(text ?? '');
  return 'problem' in parsed ? [] : parsed.document;
}
