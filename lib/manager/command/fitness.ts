import { askerText } from "../../base/asker.ts";
import { Limits } from "../../base/limits.ts";
import type { AgentSession } from "../fleet.ts";
import type { RunRequest } from "../api/operator_api.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { SecretDesk } from "../secrets/secret_desk.ts";
import { legacyCommand } from "./legacy_command.ts";
import { type Misfit, Misfits, NO_OPERATION } from "./misfits.ts";
import type { OpenCommands } from "./open_commands.ts";
import { checkSurvival } from "./survival.ts";
import { ROTATE, TRUST } from "./told_keys.ts";

/** Bytes of a Command besides its parameters, at most. */
const COMMAND_BYTES = Limits.message - Limits.params;

const BEING_REMOVED: Misfit = {
  code: "REFUSED",
  one: "it is being removed",
  many: "they are being removed",
};

const NO_BLOBS: Misfit = {
  code: "REFUSED",
  one:
    "its version of piri-agent cannot read large input from the Manager; install a newer one",
  many:
    "their versions of piri-agent cannot read large input from the Manager; install newer ones",
};

const NO_SECRETS: Misfit = {
  code: "REFUSED",
  one:
    "its version of piri-agent cannot take secrets, nor mask them; install a newer one",
  many:
    "their versions of piri-agent cannot take secrets, nor mask them; install newer ones",
};

const NO_SURVIVAL: Misfit = {
  code: "REFUSED",
  one:
    "its version of piri-agent, or its system, cannot let a program outlive the agent; install a newer one on Linux, or leave out --survive",
  many:
    "their versions of piri-agent, or their systems, cannot let a program outlive the agent; install newer ones on Linux, or leave out --survive",
};

const NO_KEY: Misfit = {
  code: "REFUSED",
  one:
    "it has proven no key on its connection: its version of piri-agent is too old; install a newer one",
  many:
    "they have proven no keys on their connections: their versions of piri-agent are too old; install newer ones",
};

/** Operations on the keys of agents. */
const KEY_OPERATIONS: ReadonlySet<string> = new Set([ROTATE, TRUST]);

const TOO_MANY: Misfit = {
  code: "BUSY",
  one:
    `it has ${Limits.openCommands} commands that have not ended, which is the limit`,
  many:
    `they have ${Limits.openCommands} commands each that have not ended, which is the limit`,
};

/** Part of a request that tells if an agent can carry it out. */
export type FitRequest = Pick<
  RunRequest,
  "operation" | "params" | "requestedBy" | "saidBy" | "survive"
>;

/** Tells why an agent cannot carry out a request; undefined if it can. Throws INVALID_ARGUMENT for wrong parameters. */
export type Fit = (session: AgentSession) => Misfit | undefined;

/** Knows which agents can carry out a request now. */
export class Fitness {
  readonly #open: OpenCommands;
  readonly #blobs: Pick<Blobs, "namesOf"> | undefined;
  readonly #secrets: Pick<SecretDesk, "namesOf"> | undefined;
  readonly #checkParams: (operation: string, params: string) => void;
  /** Number of commands that the store is making, by agent: they count towards the limit before they have an id. */
  readonly #underWay = new Map<string, number>();
  /** Number of removals under way, by agent: nothing is started on it. */
  readonly #closed = new Map<string, number>();

  constructor(
    { open, blobs, secrets, checkParams }: {
      readonly open: OpenCommands;
      /** Large inputs of commands; none if absent. */
      readonly blobs?: Pick<Blobs, "namesOf"> | undefined;
      /** Secrets of commands; none if absent. */
      readonly secrets?: Pick<SecretDesk, "namesOf"> | undefined;
      /** Checks the parameters of an operation that is known here. Throws INVALID_ARGUMENT. */
      readonly checkParams: (operation: string, params: string) => void;
    },
  ) {
    this.#open = open;
    this.#blobs = blobs;
    this.#secrets = secrets;
    this.#checkParams = checkParams;
  }

  /** True if the store is making commands for an agent. */
  isStarting(agent: string): boolean {
    return this.#underWay.has(agent);
  }

  /** Lets nothing start on an agent until the result is disposed. */
  closeTo(agent: string): Disposable {
    add(this.#closed, agent, 1);
    return { [Symbol.dispose]: () => add(this.#closed, agent, -1) };
  }

  /** Counts commands that the store begins to make, or with -1 has made. */
  count(agents: Iterable<{ readonly agent: string }>, by: 1 | -1): void {
    for (const { agent } of agents) add(this.#underWay, agent, by);
  }

  /**
   * Requires that one of the agents has the operation, if there is any: otherwise it is mistyped, most often.
   *
   * @throws {PiriError} NOT_FOUND
   */
  requireOperation(operation: string, sessions: readonly AgentSession[]): void {
    const misfits = new Misfits(`run "${operation}"`);
    for (const { agent, operations } of sessions) {
      if (operations?.has(operation) !== false) return;
      misfits.add(agent, KEY_OPERATIONS.has(operation) ? NO_KEY : NO_OPERATION);
    }
    misfits.throwIfAny();
  }

  /**
   * Checks that the program of a request can outlive its agent, if that is asked for.
   *
   * @throws {PiriError} INVALID_ARGUMENT
   */
  checkSurvival(
    request: Pick<RunRequest, "operation" | "params" | "survive">,
  ): void {
    checkSurvival(request, this.#secrets);
  }

  /** Test for one request. What is the same for many agents is found out once. */
  of(request: FitRequest): Fit {
    const { operation, params, survive } = request;
    const encoder = new TextEncoder();
    const askerBytes = once(() => encoder.encode(askerText(request)).length);
    const sizes = {
      plain: once(() => encoder.encode(params).length),
      legacy: once(() =>
        encoder.encode(legacyCommand(operation, params).data).length
      ),
    };
    const checked = once(() => this.#checkParams(operation, params));
    const needsBlobs = once(() =>
      (this.#blobs?.namesOf(operation, params) ?? []).length > 0
    );
    const needsSecrets = once(() =>
      (this.#secrets?.namesOf({ operation, params }) ?? []).length > 0
    );
    return ({ agent, operations, dialect, features }) => {
      if (this.#closed.has(agent)) return BEING_REMOVED;
      if (KEY_OPERATIONS.has(operation) && !features.has("proof")) {
        return NO_KEY;
      }
      if (operations?.has(operation) === false) return NO_OPERATION;
      // A legacy agent checks its own parameters.
      if (operations !== undefined) checked();
      if (!features.has("blobs") && needsBlobs()) return NO_BLOBS;
      if (!features.has("secrets") && needsSecrets()) return NO_SECRETS;
      if (survive && !features.has("survive")) return NO_SURVIVAL;
      const size = sizes[dialect.hasPositionalParams ? "legacy" : "plain"]();
      const limit = dialect.maxParamsBytes - COMMAND_BYTES -
        (dialect.hasIdentities ? askerBytes() : 0);
      if (size > limit) return tooLarge(size, limit);
      const count = this.#open.countOf(agent) +
        (this.#underWay.get(agent) ?? 0);
      return count >= Limits.openCommands ? TOO_MANY : undefined;
    };
  }
}

function tooLarge(size: number, limit: number): Misfit {
  const text =
    `parameters take ${size} bytes, the limit is ${limit}; put a long text into files/all in the Manager's folder, and fetch it with file.Fetch`;
  return {
    code: "INVALID_ARGUMENT",
    one: `its ${text}`,
    many: `their ${text}`,
  };
}

/** The result of the first call, for all calls. A call that throws is made again. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Adds to a count. A name with the count 0 is not in the map. */
function add(counts: Map<string, number>, name: string, by: number): void {
  const count = (counts.get(name) ?? 0) + by;
  if (count > 0) counts.set(name, count);
  else counts.delete(name);
}
