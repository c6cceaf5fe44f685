import { parseAltNames } from '../../src/pki/alt-names.js';
import { type Authority, makeAuthority } from '../../src/pki/authority.js';
import { DEFAULT_DAYS, issueIdentity } from '../../src/pki/issue.js';
import { DEFAULT_CONTROLLER, type Subject } from '../../src/pki/role.js';

export interface Pki {
  authority: Authority;
  /** Identity folders by name, as `loadIdentity` takes them. */
  agents: Record<string, string>;
  controllers: Record<string, string>;
}

export interface PkiPlan {
  /** `sans` as `--san` takes them; by default the names of this machine: `localhost`, `127.0.0.1`, `::1`. */
  agents: readonly { name: string; sans?: readonly string[] }[];
  /** Names; `controller` by default. */
  controllers?: readonly string[];
  now?: Date;
  days?: number;
}

const LOCAL = ['DNS:localhost', 'IP:127.0.0.1', 'IP:::1'];

/** A throw-away authority in `dir`, and the identities that are asked for. Takes some milliseconds for each. */
export async function makePki(dir: string, plan: PkiPlan): Promise<Pki> {
  const { now = new Date(), days = DEFAULT_DAYS } = plan;
  const authority = await makeAuthority(dir, now);
  const issue = async (subject: Subject, sans: readonly string[]) => {
    const { dir: folder } = await issueIdentity(authority, { ...subject, altNames: parseAltNames(sans), days, now });
    return [subject.name, folder] as const;
  };
  const agents: (readonly [string, string])[] = [];
  for (const { name, sans } of plan.agents) agents.push(await issue({ role: 'agent', name }, sans ?? LOCAL));
  const controllers: (readonly [string, string])[] = [];
  for (const name of plan.controllers ?? [DEFAULT_CONTROLLER]) {
    controllers.push(await issue({ role: 'controller', name }, []));
  }
  return { authority, agents: Object.fromEntries(agents), controllers: Object.fromEntries(controllers) };
}
