import { systemClock } from "../../base/clock.ts";
import {
  codeOf,
  type ErrorCode,
  messageOf,
  PiriError,
} from "../../base/errors.ts";
import { MaskedOutput } from "../../base/masking/masked_output.ts";
import { Sealed } from "../../base/sealed.ts";
import { Guard, noGuard } from "../../operations/guard.ts";
import type {
  OperationContext,
  OperationEvent,
  StreamName,
} from "../../operations/operation.ts";
import { checkParams } from "../../operations/params.ts";
import { patiently } from "../../operations/patiently.ts";
import { loadOperation } from "../../operations/load_operation.ts";
import { HashingOutput } from "./printed_hashes.ts";
import {
  type Answer,
  type FromWork,
  MAX_UNTAKEN_PIECES,
  SharedNumber,
  type ToWorker,
  type WorkRequest,
} from "./worker_protocol.ts";
import type { WorkOutcome } from "./workers.ts";

/** Message that gives a worker a work item. */
export type JobMessage = Extract<ToWorker, { kind: "job" }>;

/** Work item of this worker thread: carries out its operation, and receives the pool's messages about it. */
export class RunningWork {
  readonly #message: JobMessage;
  readonly #post: (message: FromWork) => void;
  readonly #shared: Int32Array;
  readonly #stop = new AbortController();
  readonly #kill = new AbortController();
  readonly #requests = new Map<
    number,
    PromiseWithResolvers<string | Uint8Array>
  >();
  readonly #printed = new HashingOutput();
  readonly #shown = new MaskedOutput(
    systemClock,
    (stream, bytes) => this.#emit(stream, bytes),
  );
  /** Requests of this turn that are not sent yet. */
  readonly #gathered: WorkRequest[] = [];
  #lastRequest = 0;
  #untaken = 0;
  #wake: (() => void) | undefined;

  constructor(message: JobMessage, post: (message: FromWork) => void) {
    this.#message = message;
    this.#post = post;
    this.#shared = new Int32Array(message.shared);
    // The message about it comes after the operation has begun.
    if (this.#mustStop) this.#stop.abort();
  }

  /** Carries out the operation and reports how it ended. Never rejects. */
  async run(): Promise<void> {
    const ended = await this.#outcome().catch(failed);
    await this.#shown.end();
    const outcome = { ...this.#masked(ended), ...this.#hashes() };
    await this.#untakenBelow(1);
    try {
      this.#post({ kind: "ended", outcome });
    } catch (error) {
      // An outcome that cannot be copied is a mistake of the operation.
      this.#post({ kind: "ended", outcome: failed(error) });
    }
  }

  /** Asks the operation to end. Its pending requests to the Manager are refused, and it may send no more. */
  stop(): void {
    this.#stop.abort();
    for (const id of [...this.#requests.keys()]) {
      this.#refuse(id, cancelled());
    }
  }

  /** Notes that the time for ending by itself is over. */
  kill(): void {
    this.stop();
    this.#kill.abort();
  }

  /** Notes that pieces of output were taken. */
  taken(count: number): void {
    this.#untaken -= count;
    this.#wake?.();
  }

  /** Takes answers. Dropped if the operation does not wait for them any more. */
  answered(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const { request } = answer;
      if ("value" in answer) {
        this.#requests.get(request)?.resolve(answer.value);
        this.#requests.delete(request);
        continue;
      }
      // On the main thread it was the code of a PiriError.
      const code = answer.code as ErrorCode;
      this.#refuse(request, new PiriError(code, answer.message));
    }
  }

  #refuse(request: number, error: PiriError): void {
    this.#requests.get(request)?.reject(error);
    this.#requests.delete(request);
  }

  get #mustStop(): boolean {
    return Atomics.load(this.#shared, SharedNumber.stop) !== 0;
  }

  async #outcome(): Promise<WorkOutcome> {
    const { job, allowTestOperations } = this.#message;
    const operation = await loadOperation(job.operation, {
      allowTestOperations,
    });
    const params = checkParams(operation, job.params);
    const events = operation.run(params, this.#context());
    for (;;) {
      const { done, value } = await events.next();
      if (done) return value;
      await this.#tell(value);
    }
  }

  async #tell(event: OperationEvent): Promise<void> {
    if (event.kind === "progress") {
      const message = this.#shown.text(event.message ?? "");
      return this.#post({ ...event, message });
    }
    const { stream, bytes, isMasked, offset } = event;
    if (isMasked) await this.#emit(stream, bytes, offset);
    else await this.#shown.write(stream, bytes);
  }

  async #emit(
    stream: StreamName,
    bytes: Uint8Array<ArrayBuffer>,
    offset?: number,
  ): Promise<void> {
    await this.#untakenBelow(MAX_UNTAKEN_PIECES);
    this.#printed.add(stream, bytes);
    this.#untaken++;
    this.#post({ kind: "output", stream, bytes, offset });
  }

  /** Outcome without the secrets of the command. */
  #masked(
    { message, data, masked = 0, ...outcome }: WorkOutcome,
  ): WorkOutcome {
    const shown = this.#shown;
    const words = {
      ...message === undefined ? {} : { message: shown.text(message) },
      ...data === undefined ? {} : { data: shown.value(data) },
    };
    const count = shown.count + masked;
    return { ...outcome, ...words, ...count === 0 ? {} : { masked: count } };
  }

  /** Hashes of its output. An earlier run of the agent has read the beginning of what is taken up. */
  #hashes(): Pick<WorkOutcome, "printed"> {
    return this.#message.job.survival === "taken up"
      ? {}
      : { printed: this.#printed.digest() };
  }

  async #untakenBelow(count: number): Promise<void> {
    while (this.#untaken >= count) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  #context(): OperationContext {
    const { job, surroundings, timerSlack } = this.#message;
    const { commandId, marker, bounds, survival } = job;
    return {
      commandId,
      marker,
      surroundings,
      guard: bounds === undefined ? noGuard : new Guard(bounds),
      ...(timerSlack === undefined ? {} : { timerSlack }),
      ...(survival === undefined ? {} : { survival }),
      signal: this.#stop.signal,
      kill: this.#kill.signal,
      stopRequested: () => this.#mustStop,
      shield: (isOn) => this.#post({ kind: "shield", isOn }),
      started: (identity) => this.#post({ kind: "started", identity }),
      secret: (name) => this.#secret(name),
      data: {
        text: async (type, params) => {
          const answer = await this.#request(type, params);
          return typeof answer === "string"
            ? answer
            : new TextDecoder().decode(answer);
        },
        bytes: async (type, params) => {
          const answer = await this.#request(type, params, this.#together);
          return typeof answer === "string"
            ? new TextEncoder().encode(answer)
            : answer;
        },
      },
    };
  }

  async #secret(name: string): Promise<Sealed> {
    const command = String(this.#message.job.commandId);
    const answer = await patiently(
      () => this.#request("secret", { command, name }),
      { what: "a secret", signal: this.#stop.signal, clock: systemClock },
    );
    const secret = new Sealed(
      typeof answer === "string" ? answer : new TextDecoder().decode(answer),
    );
    this.#shown.add(secret);
    return secret;
  }

  #request(
    type: string,
    params: unknown,
    send = (request: WorkRequest) => this.#ask([request]),
  ): Promise<string | Uint8Array> {
    if (this.#stop.signal.aborted) return Promise.reject(cancelled());
    const request = ++this.#lastRequest;
    const answer = Promise.withResolvers<string | Uint8Array>();
    this.#requests.set(request, answer);
    // Legacy requests name what they want by a bare name.
    const text = typeof params === "string" ? params : JSON.stringify(params);
    send({ request, type, params: text });
    return answer.promise;
  }

  /** Sends a request with the others of this turn. */
  readonly #together = (request: WorkRequest): void => {
    this.#gathered.push(request);
    if (this.#gathered.length > 1) return;
    queueMicrotask(() => this.#ask(this.#gathered.splice(0)));
  };

  #ask(requests: readonly WorkRequest[]): void {
    this.#post({ kind: "requests", requests });
  }
}

function cancelled(): PiriError {
  return new PiriError(
    "CANCELLED",
    "Cannot ask the manager for data: the command was cancelled",
  );
}

function failed(error: unknown): WorkOutcome {
  return {
    success: false,
    changed: false,
    message: messageOf(error),
    errorCode: codeOf(error),
  };
}
