import { randomBytes } from 'node:crypto';

export interface ObservationTags {
  /** The tag of this observation: the host gives the same object where nothing has changed, and that has the same tag. */
  tagOf(observed: object): string;
}

/** Gives observations a version, so that one that has not changed need not be sent again. Tags of another process never match. */
export function createObservationTags(): ObservationTags {
  const process = randomBytes(8).toString('hex');
  let count = 0;
  const tags = new WeakMap<object, string>();
  return {
    tagOf(observed) {
      const known = tags.get(observed);
      if (known !== undefined) return known;
      count += 1;
      const tag = `${process}${count.toString(36)}`;
      tags.set(observed, tag);
      return tag;
    },
  };
}
