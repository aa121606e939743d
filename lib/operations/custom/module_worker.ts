// Main module of a thread with the permissions of one function of one custom operation. It imports nothing that runs,
// because all that it imports is started again for each of them.
import type { Call, CallAnswer } from "./calls.ts";

/** Used part of a worker's global scope; the types of this project are those of the main thread. */
interface Thread {
  postMessage(message: CallAnswer): void;
  onmessage: ((event: MessageEvent<WorkerCall>) => void) | null;
}

/** Call with the longest answer that is taken, in characters. */
interface WorkerCall extends Call {
  readonly maxAnswer: number;
}

const thread = globalThis as unknown as Thread;

// It would end the thread alone, and nobody would hear of it.
Object.defineProperty(Deno, "exit", {
  value: () => {
    throw new Error("a custom operation cannot end the process; throw instead");
  },
});

thread.onmessage = async ({ data: call }) => {
  const { id } = call;
  try {
    thread.postMessage({ id, value: await answer(call) });
  } catch (error) {
    thread.postMessage({ id, error: textOf(error) });
  }
};

async function answer(
  { url, export: name, phase, params, check, maxAnswer }: WorkerCall,
): Promise<unknown> {
  const module = await import(url);
  const value = await module[name][phase](params, check);
  const text = JSON.stringify(value ?? null);
  if (text.length <= maxAnswer) return JSON.parse(text);
  throw new Error(
    `its answer of ${text.length} characters is over the limit of ${maxAnswer}`,
  );
}

function textOf(error: unknown): string {
  return error instanceof Error
    ? error.stack ?? `${error.name}: ${error.message}`
    : `it threw ${typeof error === "string" ? error : Deno.inspect(error)}`;
}
