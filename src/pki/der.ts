/** One value of DER (X.690): its tag, its content, and the bytes of both with the header. */
export interface DerValue {
  tag: number;
  content: Buffer;
  whole: Buffer;
}

export const DER = { integer: 0x02, bitString: 0x03, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30 } as const;

/** The values that stand one after the other in `bytes`. @throws Error when they are not DER, or do not end where it does */
export function readDer(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const value = readValue(bytes, at);
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

/** The values in a sequence. @throws Error when it is something else */
export function readSequence(value: DerValue | undefined): DerValue[] {
  if (value?.tag !== DER.sequence) throw new Error('not a sequence');
  return readDer(value.content);
}

/** Tags above 30 do not occur in what we read; a length has at most four bytes. */
function readValue(bytes: Buffer, at: number): DerValue {
  const [tag, first] = [bytes[at], bytes[at + 1]];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new Error('not DER');
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || more > 4 || at + 2 + more > bytes.length) throw new Error('not DER');
  const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
  const start = at + 2 + more;
  if (start + length > bytes.length) throw new Error('cut short');
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}
