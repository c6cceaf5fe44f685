import { isUtf8 } from 'node:buffer';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** A text that a configuration takes from elsewhere, or why it cannot: neither message nor hint holds any of it. */
export type ReadText = { text: string } | { fault: string; hint?: string };

/**
 * The secret in a file, without the line end that editors and `echo` put behind it. A file that everybody may read, an empty
 * one and what is no plain text of one piece are refused.
 */
export async function readSecretFile(path: string): Promise<ReadText> {
  const read = await readTextFile(path, true);
  if (!('text' in read)) return read;
  return asSecret(read.text.replace(/\r?\n$/, ''), `the file ${path}`);
}

/** The secret in a variable, which must be there. */
export function readSecretVariable(env: Readonly<Record<string, string | undefined>>, name: string): ReadText {
  const text = env[name];
  if (text === undefined) return { fault: `the environment variable ${name} is not set` };
  return asSecret(text, `the environment variable ${name}`);
}

/** A text file of a size that is bounded. @param isPrivate whether it is refused where everybody may read it */
export async function readTextFile(path: string, isPrivate: boolean): Promise<ReadText> {
  try {
    // a pipe without a writer would be waited for
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) return { fault: `${path} is no regular file` };
      if (found.size > MOST_BYTES) return { fault: `${path} is larger than ${MOST_BYTES / 1024} KiB` };
      if (isPrivate && (found.mode & READABLE_BY_ALL) !== 0) {
        return { fault: `everybody on this machine may read ${path}`, hint: `chmod 600 ${path}` };
      }
      const content = await file.readFile();
      return isUtf8(content) ? { text: content.toString('utf8') } : { fault: `${path} is not UTF-8 text` };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { fault: `cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})` };
  }
}

const MOST_BYTES = 64 * 1024;
const READABLE_BY_ALL = 0o004;

function asSecret(text: string, where: string): ReadText {
  return text.trim() === '' ? { fault: `${where} is empty: expected a secret` } : { text };
}
