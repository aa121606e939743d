import { configure, type LogRecord, reset } from "@logtape/logtape";

/** Log records of this program as they come, until it is disposed of. */
export async function heardLog(): Promise<
  { readonly records: readonly LogRecord[] } & AsyncDisposable
> {
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { heard: (record) => void records.push(record) },
    loggers: [
      { category: ["piri"], lowestLevel: "trace", sinks: ["heard"] },
      { category: ["logtape"], lowestLevel: "error", sinks: ["heard"] },
    ],
  });
  return { records, [Symbol.asyncDispose]: () => reset() };
}
