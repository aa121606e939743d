import {
  createDataResponse,
  type DataRequest,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Counters } from "../base/counters.ts";
import { codeOf, messageOf, PiriError } from "../base/errors.ts";
import { isTooDeep } from "../base/json_depth.ts";
import { Limits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import type { Body } from "../wire/message.ts";
import type { DataService } from "./data/data_service.ts";
import type { AgentSession } from "./fleet.ts";

const log = logger("manager", "data");

/** So many requests of one connection are worked on at a time; those beyond are answered with an error. */
const MAX_AT_ONCE = 32;

/** Room that a DataResponse takes besides what it carries, bytes: what legacy peers leave for it. */
const ENVELOPE = 1_000;

/** The agent that asks, and gets the answer. */
export type Asker = Pick<AgentSession, "agent" | "groups" | "dialect" | "send">;

/** Answers what agents ask for, beside the reading of their connections. */
export class DataRequests {
  readonly #service: DataService;
  readonly #counters: Counters;
  readonly #underWay = new WeakMap<Asker, number>();

  constructor(service: DataService, counters: Counters) {
    this.#service = service;
    this.#counters = counters;
  }

  /** How many requests of an agent's connection are worked on. */
  underWay(asker: Asker): number {
    return this.#underWay.get(asker) ?? 0;
  }

  /** Begins to answer a request. Never throws: what goes wrong is the answer. */
  answer(asker: Asker, request: DataRequest): void {
    const underWay = this.#underWay.get(asker) ?? 0;
    this.#underWay.set(asker, underWay + 1);
    const refused = underWay >= MAX_AT_ONCE
      ? new PiriError(
        "BUSY",
        `Cannot answer more than ${MAX_AT_ONCE} requests at a time`,
      )
      : undefined;
    this.#respond(asker, request, refused)
      .then((body) => asker.send(body))
      .catch((error) => {
        this.#counters.add("data_responses_dropped");
        log.debug("A data response was dropped: {error}", {
          error: messageOf(error),
        });
      })
      .finally(() => {
        this.#underWay.set(asker, (this.#underWay.get(asker) ?? 1) - 1);
      });
  }

  async #respond(
    { agent, groups, dialect }: Asker,
    { requestId, type, data }: DataRequest,
    refused: PiriError | undefined,
  ): Promise<Body> {
    try {
      if (refused !== undefined) throw refused;
      checkRequest(type, data);
      const maxBytes = dialect.maxMessageBytes - ENVELOPE;
      const owner = { id: agent, groups };
      const value = await this.#service.answer(owner, type, data, { maxBytes });
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
          // The code goes first, so that an agent can tell what is missing from what is broken.
          value: {
            case: "string",
            value: `${codeOf(error)}: ${messageOf(error)}`,
          },
        }),
      };
    }
  }
}

function checkRequest(type: string, data: string): void {
  const complaint = type.length > Limits.word
    ? `the ${type.length} characters of its type are over the limit of ${Limits.word}`
    // Characters are at most as many as bytes: this needs no copy.
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
