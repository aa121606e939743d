// Main module of a worker thread. It has no protobuf and no connection, so that it starts fast.
import { type JobMessage, RunningWork } from "./running_work.ts";
import {
  Begun,
  type FromWorker,
  SharedNumber,
  type ToWorker,
} from "./worker_protocol.ts";

/** Used part of a worker's global scope; the types of this project are those of the main thread. */
interface Thread {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const thread = globalThis as unknown as Thread;
const running = new Map<number, RunningWork>();

thread.onmessage = ({ data: message }) => {
  const { item } = message;
  switch (message.kind) {
    case "job":
      return void begin(message);
    case "stop":
      return running.get(item)?.stop();
    case "kill":
      return running.get(item)?.kill();
    case "taken":
      return running.get(item)?.taken(message.count);
    case "answers":
      return running.get(item)?.answered(message.answers);
  }
};
post({ kind: "ready" });

async function begin(message: JobMessage): Promise<void> {
  const { item, shared } = message;
  // The pool may have given it to another worker meanwhile.
  const { no, yes } = Begun;
  const begun = Atomics.compareExchange(
    new Int32Array(shared),
    SharedNumber.begun,
    no,
    yes,
  );
  if (begun !== no) return;
  const work = new RunningWork(message, (told) => post({ ...told, item }));
  running.set(item, work);
  await work.run();
  running.delete(item);
}

function post(message: FromWorker): void {
  thread.postMessage(
    message,
    message.kind === "output" ? [message.bytes.buffer] : [],
  );
}
