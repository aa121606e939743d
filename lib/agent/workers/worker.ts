// What runs inside a worker thread: no protobuf and no connection, so that it starts fast.
import { type ErrorCode, PiriError } from "../../base/errors.ts";
import { RunningWork } from "./running_work.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** What is used of a worker's global scope; the types of this project are the main thread's. */
interface Thread {
  postMessage(message: FromWorker, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}

const thread = globalThis as unknown as Thread;
let running: RunningWork | undefined;

thread.onmessage = ({ data: message }) => {
  switch (message.kind) {
    case "job":
      running = new RunningWork(message, post);
      running.run();
      return;
    case "stop":
      return running?.stop();
    case "kill":
      return running?.kill();
    case "taken":
      return running?.taken(message.count);
    case "answer": {
      const { answer, request } = message;
      if ("value" in answer) return running?.answer(request, answer.value);
      // It was a PiriError's on the main thread.
      const code = answer.code as ErrorCode;
      return running?.refuse(request, new PiriError(code, answer.message));
    }
  }
};

function post(message: FromWorker): void {
  thread.postMessage(
    message,
    message.kind === "output" ? [message.bytes.buffer] : [],
  );
}
