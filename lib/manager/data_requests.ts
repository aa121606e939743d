import {
  createDataResponse,
  type DataRequest,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Counters } from "../base/counters.ts";
import { codeOf, messageOf, PiriError } from "../base/errors.ts";
import { isTooDeep } from "../base/json_depth.ts";
import { Limits } from "../base/limits.ts";
import { release } from "../base/memory.ts";
import { logger } from "../base/log.ts";
import type { Body } from "../wire/message.ts";
import type { DataService } from "./data/data_service.ts";
import type { AgentSession } from "./fleet.ts";

const log = logger("manager", "data");

/** Most requests of one connection that are handled at the same time. Those beyond are answered with an error. */
const MAX_CONCURRENT = 32;

/** Requests whose answers are read for them alone, thousands of them for one large file. */
const PIECES: ReadonlySet<string> = new Set(["blob", "file_content"]);

/** Bytes of a DataResponse that are reserved for its other fields, as legacy peers reserve them. */
const ENVELOPE_BYTES = 1_000;

/** The agent that sends a request and gets its answer. */
export type Requester = Pick<
  AgentSession,
  "agent" | "groups" | "dialect" | "send"
>;

/** Answers the DataRequests of agents, while their connections are read on. */
export class DataRequests {
  readonly #service: DataService;
  readonly #counters: Counters;
  readonly #underWay = new WeakMap<Requester, number>();

  constructor(service: DataService, counters: Counters) {
    this.#service = service;
    this.#counters = counters;
  }

  /** Number of requests of one connection that are being handled. */
  underWay(requester: Requester): number {
    return this.#underWay.get(requester) ?? 0;
  }

  /** Starts to answer a request. Never throws: an error becomes the answer. */
  answer(requester: Requester, request: DataRequest): void {
    const underWay = this.#underWay.get(requester) ?? 0;
    this.#underWay.set(requester, underWay + 1);
    const refused = underWay >= MAX_CONCURRENT
      ? new PiriError(
        "BUSY",
        `Cannot answer more than ${MAX_CONCURRENT} requests at a time`,
      )
      : undefined;
    this.#respond(requester, request, refused)
      .then(async (body) => {
        await requester.send(body);
        if (PIECES.has(request.type)) releaseBytes(body);
      })
      .catch((error) => {
        this.#counters.add("data_responses_dropped");
        log.debug("A data response was dropped: {error}", {
          error: messageOf(error),
        });
      })
      .finally(() => {
        this.#underWay.set(requester, (this.#underWay.get(requester) ?? 1) - 1);
      });
  }

  async #respond(
    { agent, groups, dialect }: Requester,
    { requestId, type, data }: DataRequest,
    refused: PiriError | undefined,
  ): Promise<Body> {
    try {
      if (refused !== undefined) throw refused;
      checkRequest(type, data);
      const maxBytes = dialect.maxMessageBytes - ENVELOPE_BYTES;
      const owner = { id: agent, groups };
      const value = await this.#service.answer(owner, type, data, {
        maxBytes,
        named: dialect.hasNamedRequests,
      });
      return {
        case: "dataResponse",
        value: createDataResponse({
          requestId,
          ok: true,
          value: typeof value === "string"
            ? { case: "string", value }
            : { case: "bytes", value },
        }),
      };
    } catch (error) {
      if (!(error instanceof PiriError)) {
        log.error("Cannot answer a data request: {error}", { error });
      }
      return {
        case: "dataResponse",
        value: createDataResponse({
          requestId,
          ok: false,
          // The code goes first: by it an agent tells missing data from a failure.
          value: {
            case: "string",
            value: `${codeOf(error)}: ${messageOf(error)}`,
          },
        }),
      };
    }
  }
}

/** Frees the bytes of an answer, which was encoded when it was queued. */
function releaseBytes(body: Body): void {
  if (body.case !== "dataResponse") return;
  const { value } = body.value;
  if (value.case === "bytes") release(value.value);
}

function checkRequest(type: string, data: string): void {
  const complaint = type.length > Limits.word
    ? `the ${type.length} characters of its type are over the limit of ${Limits.word}`
    // A text has at most as many characters as bytes: counting characters needs no copy.
    : data.length > Limits.requestData
    ? `its ${data.length} characters of data are over the limit of ${Limits.requestData}`
    : isTooDeep(data)
    ? `its data are nested deeper than ${Limits.jsonDepth}, which is the limit`
    : undefined;
  if (complaint === undefined) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer the request: ${complaint}`,
  );
}
