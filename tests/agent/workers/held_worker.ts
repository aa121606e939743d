// A worker whose thread is held by an echo of a path until somebody writes there, as by a disk that does not answer.
import type { ToWorker } from "../../../lib/agent/workers/worker_protocol.ts";
import "../../../lib/agent/workers/worker.ts";

interface Thread {
  onmessage: (event: MessageEvent<ToWorker>) => void;
}

const thread = globalThis as unknown as Thread;
const own = thread.onmessage;

thread.onmessage = (event) => {
  own(event);
  const { data: message } = event;
  if (message.kind !== "job") return;
  const { text = "" } = JSON.parse(message.job.params);
  if (!text.startsWith("/")) return;
  // Later, so that the echo has begun. It blocks until a writer opens the named pipe.
  setTimeout(() => Deno.readTextFileSync(text), 0);
};
