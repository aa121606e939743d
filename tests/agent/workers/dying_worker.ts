// A worker that dies of each work item, as one with a fault of Deno's or ours would.
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
const acts: Record<string, (marker: string) => void> = {
  "throw": () => {},
  "spawn and throw": (marker) => {
    const [name, ...args] = program("sleep");
    const child = new Deno.Command(name, {
      args,
      env: environmentFor(marker),
      clearEnv: true,
      detached: true,
      stdin: "null",
      stdout: "null",
    }).spawn();
    thread.postMessage({ kind: "started", identity: identify(child.pid) });
  },
};

thread.onmessage = ({ data: message }) => {
  if (message.kind !== "job") return;
  acts[message.job.operation]?.(message.job.marker);
  // From a callback of its own, so that nobody could catch it.
  setTimeout(() => {
    throw new Error("as it must");
  }, 0);
};
