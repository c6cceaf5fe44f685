import { randomBytes } from 'node:crypto';

/** A serial number: upper-case hexadecimal without leading zeros, so that equal numbers are equal texts. */
export type Serial = string;

/** 16 random bytes that are a positive number of always 32 digits: the first bit is 0, the second 1. */
export function randomSerial(): Serial {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString('hex').toUpperCase();
}

/** Any way to write a serial number, as Node, OpenSSL (`0a:1b`) and people do, in the one form that is compared. */
export function normalizeSerial(text: string): Serial {
  return text
    .replaceAll(':', '')
    .toUpperCase()
    .replace(/^0+(?=.)/, '');
}
