// Main module of a worker thread. It has no protobuf and no connection, so that it starts fast.
import { type ErrorCode, PiriError } from "../../base/errors.ts";
import { RunningWork } from "./running_work.ts";
import type { FromWorker, ToWorker } from "./worker_protocol.ts";

/** Used part of a worker's global scope; the types of this project are those of the main thread. */
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
      // On the main thread it was the code of a PiriError.
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
