import { setTimeout } from 'node:timers/promises';

/** Resolves once `holds` gives true; fails after a minute and a half. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const ends = Date.now() + 90_000;
  while (!(await holds())) {
    if (Date.now() > ends) throw new Error(`it never came to be: ${what}`);
    await setTimeout(25);
  }
}
