import { InvalidArgumentError } from 'commander';

/** The value of an option that counts something. @throws InvalidArgumentError when it is no whole number above 0 */
export function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < 1) {
    throw new InvalidArgumentError('It must be a whole number above 0.');
  }
  return number;
}
