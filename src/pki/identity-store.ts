import { statSync } from 'node:fs';
import { join } from 'node:path';
import { IDENTITY_FILES, type Identity, loadIdentity } from './identity.js';

/** Files that were replaced are noticed after at most this long. */
const CHECK_EVERY_MS = 1000;

export interface IdentityStore {
  /**
   * What the folder holds: the same object for as long as its files have not been replaced. While they do not belong
   * together (half of a renewal), what was there before stays in use.
   *
   * @throws PkiInvalid when nothing usable was ever there
   */
  current(): Identity;
}

/** Certificates that are renewed on disk and taken up without a restart. @param onTrouble told once of files that cannot be used */
export function createIdentityStore(dir: string, onTrouble: (error: unknown) => void = () => {}): IdentityStore {
  let held: { identity: Identity; stamp: string } | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let refused: string | undefined;
  return {
    current() {
      const now = performance.now();
      if (held && now - checkedAt < CHECK_EVERY_MS) return held.identity;
      checkedAt = now;
      const stamp = stampOf(dir);
      if (held?.stamp === stamp) return held.identity;
      try {
        held = { identity: loadIdentity(dir), stamp };
      } catch (error) {
        if (!held) throw error;
        if (refused !== stamp) onTrouble(error);
        refused = stamp;
      }
      return held.identity;
    },
  };
}

function stampOf(dir: string): string {
  return Object.values(IDENTITY_FILES)
    .map((file) => {
      const stat = statSync(join(dir, file), { bigint: true, throwIfNoEntry: false });
      return stat ? `${stat.ino}.${stat.size}.${stat.mtimeNs}.${stat.ctimeNs}` : '-';
    })
    .join(' ');
}
