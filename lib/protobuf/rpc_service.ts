import type { ReadMessage } from "./protobuf_reader.ts";
import type { WriteMessage } from "./protobuf_writer.ts";

/** One call of a service: what it takes, and what it answers with. `scripts/generate.ts` writes them. */
export interface RpcMethod<Init, Request, Answer> {
  /** Name in the path of its requests. */
  readonly name: string;
  /** True if it answers with any number of messages instead of one. */
  readonly isStream: boolean;
  readonly create: (init?: Init) => Request;
  readonly write: WriteMessage<Request>;
  readonly read: ReadMessage<Answer>;
}

/** Calls of a service by their names in code. */
export interface RpcService {
  /** Full name, as in the path of its requests. */
  readonly typeName: string;
  // deno-lint-ignore no-explicit-any -- each call has types of its own
  readonly methods: Readonly<Record<string, RpcMethod<any, any, any>>>;
}

/** Options of a call. */
export interface CallOptions {
  /** Ends the call, also its stream, when it is aborted. */
  readonly signal?: AbortSignal;
  /** Time after which the call fails with TIMED_OUT, in milliseconds. */
  readonly timeoutMs?: number;
}

/** Client of a service. A call that streams is sent at once, and its messages can be iterated over once. */
export type ServiceClient<Service extends RpcService> = {
  readonly [Name in keyof Service["methods"]]: ClientCall<
    Service["methods"][Name]
  >;
};

type ClientCall<Method> = Method extends
  RpcMethod<infer Init, infer _, infer Answer> & { isStream: infer IsStream }
  ? (
    request: NonNullable<Init>,
    options?: CallOptions,
  ) => IsStream extends true ? AsyncIterable<Answer> : Promise<Answer>
  : never;
