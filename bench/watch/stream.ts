/** Values that come one by one, for one reader. */
export interface Stream<T> extends AsyncIterable<T> {
  push(value: T): void;
  end(): void;
}

export function createStream<T>(): Stream<T> {
  const waiting: T[] = [];
  let ended = false;
  let wake = () => {};
  return {
    push(value) {
      waiting.push(value);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift() as T;
        if (ended) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
