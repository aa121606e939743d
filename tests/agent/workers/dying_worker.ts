// A worker that dies of each work item but one, as one with a fault of Deno's or ours would.
import type {
  FromWorker,
  ToWorker,
} from "../../../lib/agent/workers/worker_protocol.ts";
import { environmentFor } from "../../../lib/operations/environment.ts";
import { identify } from "../../../lib/operations/process_table.ts";
import { program } from "../../support/program.ts";

interface Thread {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const thread = globalThis as unknown as Thread;
/** Operation that only starts a program. */
const WAITING = "test.Sleep";
const starters = [WAITING, "spawn and throw"];

thread.onmessage = ({ data: message }) => {
  if (message.kind !== "job") return;
  const { item, job: { operation, marker } } = message;
  if (starters.includes(operation)) startProgram(item, marker);
  if (operation === WAITING) return;
  // From a callback of its own, so that nobody could catch it.
  setTimeout(() => {
    throw new Error("as it must");
  }, 0);
};

function startProgram(item: number, marker: string): void {
  const [name, ...args] = program("sleep");
  const child = new Deno.Command(name, {
    args,
    env: environmentFor(marker),
    clearEnv: true,
    detached: true,
    stdin: "null",
    stdout: "null",
  }).spawn();
  thread.postMessage({ kind: "started", item, identity: identify(child.pid) });
}
