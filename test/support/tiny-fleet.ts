import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const MANIFEST = `\
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: here }
spec: { local: ../tenants }
---
apiVersion: flotilla.dev/v1
kind: Instance # the first
metadata: { name: acme }
spec: { host: here, template: web, imageTag: v1.0.0 } # by hand
`;

/** A fleet of one instance in a new directory, with an empty directory for its tenant. */
export function createTinyFleet(): { directory: string; manifest: string; remove(): void } {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-cli-'));
  for (const path of ['manifests', 'tenants/acme', 'templates/web/files'])
    mkdirSync(join(directory, path), { recursive: true });
  const manifest = join(directory, 'manifests/fleet.yaml');
  writeFileSync(manifest, MANIFEST);
  writeFileSync(
    join(directory, 'templates/web/template.yaml'),
    'apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: web }\nspec:\n  compose: docker-compose.yml\n  files:\n    - { path: secret.txt, sensitive: true, mode: "0600" }\n',
  );
  writeFileSync(
    join(directory, 'templates/web/files/docker-compose.yml.mustache'),
    'services:\n  web:\n    image: example.org/web:{{imageTag}}\n    environment: { SMTP: "${SMTP_HOST}" }\n',
  );
  writeFileSync(join(directory, 'templates/web/files/secret.txt'), 'hush\n');
  return { directory, manifest, remove: () => rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 50 }) };
}
