import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/**
 * Everything that can be wrong in desired state, in one fleet, as an operator sees it: `flotilla validate` and a dry run,
 * started as a program. What each rule says in detail is tested beside the rule (test/manifest, test/render).
 */
interface Case {
  item: string;
  /** By path from the fleet's directory. */
  files: Record<string, string>;
  /** What `validate --render` prints of it, whole. */
  told: string;
  /** What the dry run prints of its instances, by slug: the lines above the same problems, which follow indented. */
  reconciled?: Record<string, string>;
}

const A40 = 'a'.repeat(40);
const TAG = 'an image tag: 1 to 128 letters, digits, "_", "." and "-", not starting with "." or "-"';
const LABEL = 'a DNS label: 1 to 63 of a-z, 0-9 and "-", starting and ending with a letter or digit';
const SOUND = 'fleet: production, host: here';
const BROKEN = (slug: string) => `${slug} (failed)\n  ManifestInvalid: its manifest has problems\n`;
const UNRENDERED = (slug: string, template: string, problems = 'a problem') =>
  `${slug} on here: v1.0.0 (failed)\n  RenderFailed: ${slug} does not render with template ${template}: ${problems}\n`;

function instance(name: string, spec = SOUND): string {
  return `apiVersion: flotilla.dev/v1\nkind: Instance\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;
}

/** A template whose compose file is in order, with these files more, and what follows `spec:` in its template.yaml. */
function template(name: string, files: Record<string, string>, spec = ''): Record<string, string> {
  const at = (path: string) => `templates/${name}/${path}`;
  const manifest = `apiVersion: flotilla.dev/v1\nkind: Template\nmetadata: { name: ${name} }\nspec:\n  compose: docker-compose.yml\n${spec}`;
  const compose = 'services: { web: { image: "example.org/web:{{imageTag}}" } }\n';
  const all = { 'template.yaml': manifest, 'files/docker-compose.yml.mustache': compose, ...files };
  return Object.fromEntries(Object.entries(all).map(([path, text]) => [at(path), text]));
}

function excerpt(line: string, column: number): string {
  return `  ${line}\n  ${' '.repeat(column - 1)}^\n`;
}

/** In the order in which validate tells: manifests by path, then templates by name, then instances by slug. */
const CASES: Case[] = [
  {
    item: 'a duplicate slug',
    files: { 'manifests/a1.yaml': instance('acme'), 'manifests/a2.yaml': instance('acme') },
    told: [
      'manifests/a1.yaml:3:19: error: instance acme is declared more than once: also at manifests/a2.yaml:1\n',
      excerpt('metadata: { name: acme }', 19),
      '  keep one of them; until then none of them is used\n',
      'manifests/a2.yaml:3:19: error: instance acme is declared more than once: also at manifests/a1.yaml:1\n',
      excerpt('metadata: { name: acme }', 19),
      '  keep one of them; until then none of them is used\n',
    ].join(''),
    reconciled: { acme: BROKEN('acme') },
  },
  {
    item: 'an alias bomb',
    files: {
      'manifests/b-bomb.yaml': [
        'a: &a [x, x, x, x, x, x, x, x, x]',
        ...['ab', 'bc', 'cd', 'de'].map(([from, to]) => `${to}: &${to} [${Array(9).fill(`*${from}`).join(', ')}]`),
      ].join('\n'),
    },
    told:
      'manifests/b-bomb.yaml:2:8: error: aliases expand too far: expected at most 100 uses of an anchor, counting aliases inside aliases\n' +
      excerpt('b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]', 8),
  },
  {
    item: 'a duplicate key',
    files: { 'manifests/c-key.yaml': instance('twice', `${SOUND}, host: there`) },
    told:
      'manifests/c-key.yaml:4:40: error: key "host" is there twice in one map: expected each key once\n' +
      excerpt('spec: { fleet: production, host: here, host: there }', 40),
    reconciled: { twice: BROKEN('twice') },
  },
  {
    item: 'two documents of which one is bad: the good one stands',
    files: { 'manifests/d-two.yaml': `${instance('half-bad', 'host: [')}---\n${instance('half-good')}` },
    told:
      'manifests/d-two.yaml:4:17: error: not valid YAML: flow sequence in block collection must be sufficiently indented and end with a ]\n' +
      excerpt('spec: { host: [ }', 17),
    reconciled: {
      'half-bad': BROKEN('half-bad'),
      'half-good': 'half-good on here: new -> v1.0.0 (changed)\n  files\n    created   docker-compose.yml  new\n',
    },
  },
  {
    item: 'an unknown fleet, host, template and field, all told at once',
    files: { 'manifests/e-names.yaml': instance('lost', 'fleet: prodution, host: heer, template: wbe, imgTag: v2') },
    told: [
      'manifests/e-names.yaml:4:16: error: fleet prodution is not declared\n',
      excerpt('spec: { fleet: prodution, host: heer, template: wbe, imgTag: v2 }', 16),
      '  did you mean production?\n',
      'manifests/e-names.yaml:4:33: error: host heer is not declared\n',
      excerpt('spec: { fleet: prodution, host: heer, template: wbe, imgTag: v2 }', 33),
      '  did you mean here?\n',
      'manifests/e-names.yaml:4:49: error: template wbe is not there: expected a folder of that name with a template.yaml\n',
      excerpt('spec: { fleet: prodution, host: heer, template: wbe, imgTag: v2 }', 49),
      '  did you mean web?\n',
      'manifests/e-names.yaml:4:54: error: unknown field "imgTag" in spec\n',
      excerpt('spec: { fleet: prodution, host: heer, template: wbe, imgTag: v2 }', 54),
      '  did you mean imageTag?\n',
    ].join(''),
    reconciled: { lost: BROKEN('lost') },
  },
  ...(
    [
      ['".."', '".."', 'of two dots'],
      ['a/b', '"a/b"', 'with a slash'],
      ['Acme', '"Acme"', 'in upper case'],
      ['a'.repeat(64), `"${A40}"… (64 characters)`, 'of 64 characters'],
    ] as const
  ).map(([written, found, what], i) => ({
    item: `a slug ${what}`,
    files: { [`manifests/f-slug-${i}.yaml`]: instance(written) },
    told:
      `manifests/f-slug-${i}.yaml:3:19: error: metadata.name: expected ${LABEL}, found ${found}\n` +
      excerpt(`metadata: { name: ${written} }`, 19),
  })),
  ...(
    [
      ['"v 2"', '"v 2"', 'with a space'],
      ['-v2', '"-v2"', 'with a leading dash'],
      ['a'.repeat(129), `"${A40}"… (129 characters)`, 'of 129 characters'],
    ] as const
  ).map(([written, found, what], i) => ({
    item: `a tag ${what}`,
    files: { [`manifests/g-tag-${i}.yaml`]: instance(`tag-${i}`, `${SOUND}, imageTag: ${written}`) },
    told:
      `manifests/g-tag-${i}.yaml:4:50: error: spec.imageTag: expected ${TAG}, found ${found}\n` +
      excerpt(`spec: { ${SOUND}, imageTag: ${written.length > 100 ? `${'a'.repeat(71)}…` : `${written} }`}`, 50),
    reconciled: { [`tag-${i}`]: BROKEN(`tag-${i}`) },
  })),
  {
    item: 'a tab',
    files: { 'manifests/h-tab.yaml': 'kind: Instance\nmetadata:\n\tname: tabbed\n' },
    told: 'manifests/h-tab.yaml:3:1: error: a tab in the indentation: expected spaces\n  \tname: tabbed\n  ^\n',
  },
  {
    item: 'an unknown YAML tag',
    files: { 'manifests/i-yaml-tag.yaml': instance('!slug tagged') },
    told:
      'manifests/i-yaml-tag.yaml:3:19: error: unknown tag "!slug": expected a value that JSON can hold\n' +
      excerpt('metadata: { name: !slug tagged }', 19),
    reconciled: { tagged: BROKEN('tagged') },
  },
  {
    item: '${{{X}}} in a template, told once for all instances that use it',
    files: {
      'manifests/t-braces.yaml': `${instance('braces-1', `${SOUND}, template: braces`)}---\n${instance('braces-2', `${SOUND}, template: braces`)}`,
      ...template('braces', {
        'files/docker-compose.yml.mustache': 'services: { web: { image: "x:${{{imageTag}}}" } }\n',
      }),
    },
    told: [
      'templates/braces/files/docker-compose.yml.mustache:1:30: error: `${{{` is refused: mustache takes all three braces as its own, and the braces that compose needs are lost\n',
      excerpt('services: { web: { image: "x:${{{imageTag}}}" } }', 30),
      '  for a value of the view write {{NAME}}, for a variable of the tenant ${NAME}; for both in one, change the delimiters: {{=<% %>=}}${<% NAME %>}<%={{ }}=%>\n',
    ].join(''),
    reconciled: {
      'braces-1': 'braces-1 on here: v1.0.0 (failed)\n  TemplateInvalid: template braces has a problem\n',
      'braces-2': 'braces-2 on here: v1.0.0 (failed)\n  TemplateInvalid: template braces has a problem\n',
    },
  },
  {
    item: 'an unknown partial',
    files: {
      'manifests/t-partial.yaml': instance('partial', `${SOUND}, template: partial`),
      ...template('partial', { 'files/app.conf.mustache': 'mail {{> mial}}\n', 'partials/mail.mustache': 'x' }),
    },
    told: [
      'templates/partial/files/app.conf.mustache:1:6: error: unknown partial mial\n',
      excerpt('mail {{> mial}}', 6),
      '  did you mean mail?\n',
    ].join(''),
    reconciled: {
      partial: 'partial on here: v1.0.0 (failed)\n  TemplateInvalid: template partial has a problem\n',
    },
  },
  ...(
    [
      ['"../../etc/passwd"', '"../../etc/passwd", which leads out of the instance', 'that escapes'],
      ['/etc/passwd', '"/etc/passwd", which is absolute', 'that is absolute'],
      ['"a\\0b"', '"a\\u0000b", which holds a NUL', 'with a NUL'],
      ['"a\\\\b"', '"a\\\\b", which holds a backslash', 'with a backslash'],
      ['.flotilla/lock', `".flotilla/lock", which lies in .flotilla/, which is Flotilla's own`, "of Flotilla's own"],
    ] as const
  ).map(([path, found, what], i) => ({
    item: `a rendered path ${what}`,
    files: {
      [`manifests/t-path-${i}.yaml`]: instance(`path-${i}`, `${SOUND}, template: paths, values: { path: ${path} }`),
      ...template('paths', { 'files/{{values.path}}': 'x' }),
    },
    told: `templates/paths/files/{{values.path}}: error: renders to the path ${found}\n  found for instance path-${i}\n`,
    reconciled: { [`path-${i}`]: UNRENDERED(`path-${i}`, 'paths') },
  })),
  {
    item: 'prototype members such as {{constructor.name}}',
    files: {
      'manifests/t-proto.yaml': instance('proto', `${SOUND}, template: proto`),
      ...template('proto', { 'files/app.conf.mustache': '{{constructor.name}}\n{{values.__proto__}}\n' }),
    },
    told: [
      'templates/proto/files/app.conf.mustache:1:1: error: unknown variable constructor.name\n',
      excerpt('{{constructor.name}}', 1),
      '  found for instance proto\n',
      'templates/proto/files/app.conf.mustache:2:1: error: unknown variable values.__proto__\n',
      excerpt('{{values.__proto__}}', 1),
      '  found for instance proto\n',
    ].join(''),
    reconciled: { proto: UNRENDERED('proto', 'proto', '2 problems') },
  },
  {
    item: 'values that fail valuesSchema',
    files: {
      'manifests/t-schema.yaml': instance('schema', `${SOUND}, template: schema, values: { port: "80", domian: x }`),
      ...template(
        'schema',
        {},
        '  valuesSchema: { type: object, required: [domain], additionalProperties: false, properties: { domain: {}, port: { type: integer } } }\n',
      ),
    },
    told: [
      'manifests/t-schema.yaml:1: error: values: domain is missing (valuesSchema of template schema)\n',
      '  found for instance schema\n',
      'manifests/t-schema.yaml:1: error: values at /domian: domian is not known (valuesSchema of template schema)\n',
      '  did you mean domain?\n',
      '  found for instance schema\n',
      'manifests/t-schema.yaml:1: error: values at /port: must be a whole number (valuesSchema of template schema)\n',
      '  found for instance schema\n',
    ].join(''),
    reconciled: { schema: UNRENDERED('schema', 'schema', '3 problems') },
  },
  {
    item: 'an unknown variable and section of a template',
    files: {
      'manifests/t-unknown.yaml': instance('unknown', `${SOUND}, template: unknown, values: { smtp: { host: x } }`),
      ...template('unknown', { 'files/app.conf.mustache': 'ok\n{{imageTga}}\n{{#values.smpt}}x{{/values.smpt}}\n' }),
    },
    told: [
      'templates/unknown/files/app.conf.mustache:2:1: error: unknown variable imageTga\n',
      excerpt('{{imageTga}}', 1),
      '  did you mean imageTag?\n',
      '  found for instance unknown\n',
      'templates/unknown/files/app.conf.mustache:3:1: error: unknown section values.smpt\n',
      excerpt('{{#values.smpt}}x{{/values.smpt}}', 1),
      '  did you mean values.smtp?\n',
      '  found for instance unknown\n',
    ].join(''),
    reconciled: { unknown: UNRENDERED('unknown', 'unknown', '2 problems') },
  },
  {
    item: 'rendered YAML that does not parse, without the values in it',
    files: {
      'manifests/t-yaml.yaml': instance('yaml', `${SOUND}, template: yaml, values: { text: "s3cret: [" }`),
      ...template('yaml', {
        'files/docker-compose.yml.mustache': 'services:\n  web: { image: {{values.text}} }\n',
      }),
    },
    told: [
      'templates/yaml/files/docker-compose.yml.mustache:2:33: error: renders to YAML that does not parse (docker-compose.yml:2:27): the indentation does not fit the lines around it, or a bracket before it is not closed\n',
      excerpt('  web: { image: {{values.text}} }', 33),
      '  found for instance yaml\n',
    ].join(''),
    reconciled: { yaml: UNRENDERED('yaml', 'yaml') },
  },
];

const FLEET = `\
apiVersion: flotilla.dev/v1
kind: Fleet
metadata: { name: production }
spec: { template: web, imageTag: v1.0.0 }
---
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: here }
spec: { local: ../tenants }
`;

/** What is wrong on hosts, which only reconcile sees. */
const ON_HOSTS: Record<string, string> = {
  'z-hosts.yaml': `\
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: far }
spec: { agent: "https://far.example.org:7443" }
---
apiVersion: flotilla.dev/v1
kind: Host
metadata: { name: gone }
spec: { local: ../not-there }
---
${instance('z-far', 'fleet: production, host: far')}---
${instance('z-gone', 'fleet: production, host: gone')}---
${instance('z-link-dir', `${SOUND}, template: deep`)}---
${instance('z-link-file', `${SOUND}, template: deep`)}---
${instance('z-link-home')}---
${instance('z-link-state')}---
${instance('z-record')}---
${instance('z-record-newer')}`,
};

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const TSX = import.meta.resolve('tsx');

interface Run {
  code: number;
  stdout: string;
  stderr: string;
}

let directory: string;
let validated: Run;
let reconciled: Run;
let previewed: Run;

/** Started as a program, on an engine that is not there: none of this needs one. */
function flotilla(...argv: string[]): Promise<Run> {
  const env = { PATH: process.env.PATH ?? '', DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
  return new Promise((resolve) => {
    execFile(process.execPath, ['--import', TSX, MAIN, ...argv], { cwd: directory, env }, (error, stdout, stderr) => {
      const plain = stdout.replaceAll(`${directory}/`, '');
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout: plain, stderr });
    });
  });
}

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-bad-input-'));
  write({
    'manifests/0-fleet.yaml': FLEET,
    ...template('web', {}),
    'tenants/notes.txt': 'theirs',
    'outside/f': 'theirs',
  });
  for (const { files } of CASES) write(files);
  validated = await flotilla('validate', '--render');
  reconciled = await flotilla('reconcile', '--dry-run', '--files-only', '--detailed-exitcode');
  for (const name of readdirSync(join(directory, 'manifests'))) {
    if (name !== '0-fleet.yaml') rmSync(join(directory, 'manifests', name));
  }
  write({ ...template('deep', { 'files/conf/app.conf': 'x', 'files/web.conf': 'y' }) });
  for (const [name, text] of Object.entries(ON_HOSTS)) write({ [`manifests/${name}`]: text });
  for (const slug of ['link-dir', 'link-file', 'link-state', 'record', 'record-newer']) {
    write({ [`tenants/z-${slug}/notes.txt`]: 'theirs' });
  }
  symlinkSync(join(directory, 'outside'), join(directory, 'tenants/z-link-dir/conf'));
  symlinkSync(join(directory, 'outside/f'), join(directory, 'tenants/z-link-file/web.conf'));
  symlinkSync(join(directory, 'outside'), join(directory, 'tenants/z-link-home'));
  symlinkSync(join(directory, 'outside'), join(directory, 'tenants/z-link-state/.flotilla'));
  write({ 'tenants/z-record/.flotilla/applied.json': '{ "format": 1, "gener' });
  write({ 'tenants/z-record-newer/.flotilla/applied.json': '{ "format": 99 }' });
  previewed = await flotilla('reconcile', '--dry-run', '--files-only', '--detailed-exitcode');
}, 120_000);
afterAll(() => rmSync(directory, { recursive: true, maxRetries: 10, retryDelay: 50 }));

describe('validate tells', () => {
  it.each(CASES)('$item', ({ told }) => {
    expect(validated.stdout).toContain(told);
  });

  it('all of it at once, each thing once and nothing else, and ends in 1', () => {
    const count = validated.stdout.match(/: error: /g)?.length;
    expect(validated.stdout).toBe(
      `${CASES.map(({ told }) => told).join('')}13 instances, 1 host, 8 templates: ${count} problems\n`,
    );
    expect(validated).toMatchObject({ code: 1, stderr: '' });
    expect(validated.stdout).not.toContain('s3cret');
  });
});

describe('a dry run tells below the instance that cannot be reconciled', () => {
  it.each(CASES.filter((each) => each.reconciled))('$item', ({ told, reconciled: expected = {} }) => {
    for (const [slug, head] of Object.entries(expected)) {
      const block = blockOf(reconciled.stdout, slug);
      expect(block).toContain(head);
      if (head.includes('(changed)')) continue;
      const problems = block.slice(head.length).replace(/^ {4}/gm, '');
      expect(told.replace(/^ {2}found for .*\n/gm, '')).toBe(problems);
    }
  });

  it('and goes on with what is in order, writes nothing, and ends in 1', () => {
    expect(reconciled).toMatchObject({ code: 1, stderr: '' });
    expect(reconciled.stdout).toMatch(/\n21 instances: 1 changed, 20 failed; \d+ problems in desired state\n$/);
    expect(reconciled.stdout).not.toContain('s3cret');
    expect(readdirSync(join(directory, 'outside'))).toEqual(['f']);
  });
});

describe('a dry run tells what is wrong on a host', () => {
  it.each([
    [
      'an agent, without a certificate to show it',
      'z-far on far: v1.0.0 (failed)',
      'PkiInvalid: there is no pki/controller/ca.crt',
      'make the folder with flotilla pki issue controller, or flotilla pki issue agent NAME --san DNS:..., and copy it here',
    ],
    [
      'a root that does not exist',
      'z-gone on gone: v1.0.0 (failed)',
      "HostRootMissing: z-gone: the host's root not-there does not exist",
      "create it (mkdir -p not-there) or correct spec.local of the Host, or the agent's --root",
    ],
    [
      'a directory of the instance that is a link leading out',
      'z-link-dir on here: v1.0.0 (failed)',
      'PathEscapes: z-link-dir: "conf/app.conf" in tenants/z-link-dir leads out of the instance: "conf" is a symbolic link',
      'replace the link by a real directory: Flotilla writes nothing outside of the instance',
    ],
    [
      'a file of the instance that is a link',
      'z-link-file on here: v1.0.0 (failed)',
      'PathEscapes: z-link-file: "web.conf" in tenants/z-link-file is a symbolic link',
      'replace the link by a plain file: Flotilla does not write through links',
    ],
    [
      'an instance directory that is a link leading out',
      'z-link-home on here: v1.0.0 (failed)',
      'PathEscapes: z-link-home: instance directory "z-link-home" leads out of the host\'s root tenants through a symbolic link',
      'put a real directory there: to keep it on another disk, mount that instead (mount --bind)',
    ],
    [
      "a link where Flotilla's own directory belongs",
      'z-link-state on here: v1.0.0 (failed)',
      'PathEscapes: z-link-state: tenants/z-link-state/.flotilla is not a directory',
      'move it away: .flotilla is where Flotilla keeps its own files',
    ],
    [
      'a damaged applied record',
      'z-record on here: v1.0.0 (failed)',
      'RecordUnreadable: z-record: cannot read the applied record tenants/z-record/.flotilla/applied.json: it is not JSON',
      'restore it from a backup, or move it away (mv tenants/z-record/.flotilla/applied.json tenants/z-record/.flotilla/applied.json.bad): the instance is then adopted as it is',
    ],
    [
      'an applied record of a newer version',
      'z-record-newer on here: v1.0.0 (failed)',
      'RecordUnreadable: z-record-newer: cannot read the applied record tenants/z-record-newer/.flotilla/applied.json: a newer version of Flotilla wrote it',
      'upgrade this Flotilla to the version that wrote it, or a later one',
    ],
  ])('%s', (_, head, message, hint) => {
    expect(previewed.stdout).toContain(`${head}\n  ${message}\n    ${hint}\n`);
  });

  it('and ends in 1', () => {
    expect(previewed).toMatchObject({ code: 1, stderr: '' });
    expect(readFileSync(join(directory, 'outside/f'), 'utf8')).toBe('theirs');
  });
});

/** The lines of one instance, without the empty line after them. */
function blockOf(stdout: string, slug: string): string {
  const block = stdout.split('\n\n').find((each) => each.startsWith(`${slug} `));
  return block === undefined ? '' : `${block}\n`;
}
