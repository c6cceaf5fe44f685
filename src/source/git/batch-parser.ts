/**
 * Reads what `git cat-file --batch` prints, however it is cut: `OID TYPE SIZE<LF>CONTENT<LF>`, or `NAME missing<LF>`.
 * Only one object is in memory at a time.
 *
 * @param onBlob gets each object in the order that they were asked for; missing ones are left out
 */
export function createBatchParser(onBlob: (oid: string, content: Buffer) => void): (chunk: Buffer) => void {
  let header = '';
  let object: { oid: string; content: Buffer; filled: number } | null = null;

  /** Gives how many bytes of the chunk it took. */
  function takeHeader(chunk: Buffer, start: number): number {
    const end = chunk.indexOf(10, start);
    header += chunk.toString('latin1', start, end === -1 ? chunk.length : end);
    if (end === -1) return chunk.length - start;
    const [oid = '', type, size] = header.split(' ');
    header = '';
    if (type !== 'missing') object = { oid, content: Buffer.allocUnsafe(Number(size)), filled: 0 };
    return end + 1 - start;
  }

  function takeContent(chunk: Buffer, start: number, { oid, content, filled }: NonNullable<typeof object>): number {
    const copied = chunk.copy(content, filled, start);
    // The line feed that follows is taken with the next byte after the content.
    if (filled + copied < content.length || start + copied === chunk.length) {
      object = { oid, content, filled: filled + copied };
      return copied;
    }
    object = null;
    onBlob(oid, content);
    return copied + 1;
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      at += object === null ? takeHeader(chunk, at) : takeContent(chunk, at, object);
    }
  };
}
