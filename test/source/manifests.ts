const HOST = `apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: one }
spec: { agent: "https://one.example.org:7443" }
`;

export const TEMPLATE = `apiVersion: flotilla.dev/v1
kind: Template
metadata: { name: site }
spec: { compose: docker-compose.yml }
`;

const COMPOSE = 'services:\n  web:\n    image: example.org/web:{{imageTag}}\n';

export function instance(slug: string, imageTag = 'v1'): string {
  return `apiVersion: flotilla.dev/v1
kind: Instance
metadata: { name: ${slug} }
spec: { host: one, template: site, imageTag: ${imageTag} }
`;
}

/** A small fleet in order, by path. */
export const FLEET: Readonly<Record<string, string>> = {
  'manifests/host.yaml': HOST,
  'manifests/acme.yaml': instance('acme'),
  'manifests/beta.yaml': instance('beta'),
  'templates/site/template.yaml': TEMPLATE,
  'templates/site/files/docker-compose.yml.mustache': COMPOSE,
};
