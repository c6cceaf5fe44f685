import { randomBytes } from 'node:crypto';

/** How many observations are remembered; each is about 2 KiB for an instance of a few files and services. */
const MAX_ENTRIES = 20_000;

export interface ObservationTags {
  /** The tag of this text for this key: the same as before exactly when the text is the same as before. */
  tagOf(key: string, text: string): string;
}

/** Gives observations a version, so that one that has not changed need not be sent again. Tags of another process never match. */
export function createObservationTags(): ObservationTags {
  const process = randomBytes(8).toString('hex');
  let count = 0;
  const known = new Map<string, { text: string; tag: string }>();
  return {
    tagOf(key, text) {
      const entry = known.get(key);
      if (entry?.text === text) return entry.tag;
      count += 1;
      const tag = `${process}${count.toString(36)}`;
      known.delete(key);
      known.set(key, { text, tag });
      if (known.size > MAX_ENTRIES) known.delete(known.keys().next().value as string);
      return tag;
    },
  };
}
