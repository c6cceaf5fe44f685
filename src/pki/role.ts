/** The two ends of a connection: a controller asks, an agent answers for one host. */
export type Role = 'controller' | 'agent';

/** Who a certificate is for. */
export interface Subject {
  role: Role;
  /** A DNS label; an agent's is the name of its Host manifest. */
  name: string;
}

/** The name and the folder of the controller that is issued without a name. */
export const DEFAULT_CONTROLLER = 'controller';

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAME = new RegExp(`^${LABEL}$`);
const URI = new RegExp(`^urn:flotilla:(controller|agent):(${LABEL})$`);

/** Whether it is a DNS label: 1 to 63 of a-z, 0-9 and `-`, starting and ending with a letter or digit. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** What a certificate says in its SAN: `urn:flotilla:agent:edmonton-1`. */
export function subjectUri({ role, name }: Subject): string {
  return `urn:flotilla:${role}:${name}`;
}

/** The opposite of {@link subjectUri}; null for any other text. */
export function parseSubjectUri(uri: string): Subject | null {
  const [, role, name] = URI.exec(uri) ?? [];
  return role === undefined || name === undefined ? null : { role: role as Role, name };
}

/** As sentences call it: `agent edmonton-1`. */
export function describeSubject({ role, name }: Subject): string {
  return `${role} ${name}`;
}

/** `an agent` or `a controller`. */
export function describeRole(role: Role): string {
  return role === 'agent' ? 'an agent' : 'a controller';
}
