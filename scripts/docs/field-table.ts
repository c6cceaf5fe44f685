import { stringify } from 'yaml';

/** What is read of a JSON Schema here. */
interface Schema {
  type?: string | readonly string[];
  title?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: readonly unknown[];
  examples?: readonly unknown[];
  required?: readonly string[];
  properties?: Readonly<Record<string, Schema>>;
  items?: Schema;
}

interface Row {
  path: string;
  type: string;
  fallback: string;
  description: string;
  example: string;
}

const HEAD = '| field | type | default | description | example |\n|---|---|---|---|---|\n';

/** Every field of a kind as a Markdown table: a map's fields follow it, `name[]` is an entry of a list. Ends in a line feed. */
export function fieldTable(schema: object): string {
  const rows = rowsOf(schema as Schema, '');
  return `${HEAD}${rows.map((row) => `| ${Object.values(row).join(' | ')} |\n`).join('')}`;
}

function rowsOf({ properties = {}, required = [] }: Schema, prefix: string): Row[] {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const entry = field.items?.properties ? rowsOf(field.items, `${path}[].`) : [];
    return [rowOf(path, field, required.includes(name)), ...rowsOf(field, `${path}.`), ...entry];
  });
}

function rowOf(path: string, field: Schema, required: boolean): Row {
  const example = field.const ?? field.examples?.[0];
  return {
    path: code(path),
    type: typeOf(field),
    fallback: required ? '**required**' : field.default === undefined ? '' : code(String(field.default)),
    description: cell(field.description ?? ''),
    example: example === undefined ? '' : code(asYaml(example)),
  };
}

function typeOf(field: Schema): string {
  if (field.const !== undefined) return code(String(field.const));
  if (field.enum) return field.enum.map((value) => code(String(value))).join(' or ');
  if (field.type === 'array') return field.items?.properties ? 'list of maps' : 'list of paths';
  if (Array.isArray(field.type)) return `${cell(field.title ?? 'text')}; or a list of them`;
  if (field.type === 'object') return field.title === undefined ? 'map' : `map: ${cell(field.title)}`;
  if (field.type === 'boolean') return '`true` or `false`';
  return cell(field.title ?? 'text');
}

function asYaml(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();
}

function code(text: string): string {
  return `\`${cell(text)}\``;
}

function cell(text: string): string {
  return text.replace(/\|/g, '\\|').replace(/\n/g, ' ');
}
