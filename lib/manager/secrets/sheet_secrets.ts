import { SHA256_PATTERN } from "../../base/blob.ts";
import { PiriError } from "../../base/errors.ts";
import { planIn } from "../../base/plan_name.ts";
import type { Sealed } from "../../base/sealed.ts";
import { MAX_SHEET_BYTES, parseSheet } from "../../steps/parse_sheet.ts";
import { secretsOfSteps } from "../../steps/secrets/secret_values.ts";
import type { NewCommand } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Blobs } from "../blobs/blobs.ts";
import { NotForAgent } from "./not_for_agent.ts";
import type { SecretDesk } from "./secret_desk.ts";

/** Compiled states whose secrets are remembered. */
const MAX_KEPT = 256;

/** Keyed hashes that the values of secrets had when a state was compiled, by the names of the secrets. */
export type CompiledSecrets = ReadonlyMap<string, ReadonlySet<string>>;

/** Parts that the secrets of compiled states need. */
export interface SheetSecretsOptions {
  readonly store: Pick<Store, "planAgents">;
  readonly blobs: Pick<Blobs, "read">;
  readonly desk: Pick<SecretDesk, "giveCompiled">;
}

/** Secrets that compiled states name. */
export class SheetSecrets {
  readonly #options: SheetSecretsOptions;
  /** Secrets by the hashes of the compiled states, which never change. */
  readonly #kept = new Map<string, CompiledSecrets>();

  constructor(options: SheetSecretsOptions) {
    this.#options = options;
  }

  /**
   * Secret for a command of an agent; undefined if its compiled state names no such secret.
   *
   * @throws {PiriError} FAILED_PRECONDITION if it has another value than when that was compiled; NOT_FOUND, DENIED;
   * CORRUPT, DISK for the store
   */
  async give(
    command: Pick<NewCommand, "agent" | "operation" | "params">,
    name: string,
  ): Promise<Sealed | undefined> {
    const { agent, operation, params } = command;
    const macs = (await this.#namedBy(command))?.get(name);
    if (macs === undefined) return undefined;
    const isPlanned = planIn(operation, params) !== undefined;
    return await this.#options.desk.giveCompiled(agent, { name, macs }, {
      isPlanned,
    });
  }

  /** Reason for which an agent would not get the secrets that its compiled state names; undefined if it would. */
  async obstacle(agent: string, sheet: string): Promise<string | undefined> {
    for (const [name, macs] of await this.in(sheet)) {
      try {
        await this.#options.desk.giveCompiled(agent, { name, macs }, {
          isPlanned: true,
        });
      } catch (error) {
        // All who see the plan read it.
        if (error instanceof NotForAgent) return error.covered.message;
        if (!(error instanceof PiriError)) throw error;
        return error.code === "FAILED_PRECONDITION"
          ? `the secret "${name}" has another value since`
          : error.message;
      }
    }
    return undefined;
  }

  /**
   * Secrets that a compiled state names, by its hash.
   *
   * @throws {PiriError} NOT_FOUND, DISK
   */
  async in(sheet: string): Promise<CompiledSecrets> {
    const known = this.#kept.get(sheet);
    if (known !== undefined) return known;
    const range = { offset: 0, length: MAX_SHEET_BYTES };
    const bytes = await this.#options.blobs.read(sheet, range);
    const named = secretsIn(new TextDecoder().decode(bytes));
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= MAX_KEPT && oldest !== undefined) {
      this.#kept.delete(oldest);
    }
    this.#kept.set(sheet, named);
    return named;
  }

  async #namedBy(
    { agent, operation, params }: Pick<
      NewCommand,
      "agent" | "operation" | "params"
    >,
  ): Promise<CompiledSecrets | undefined> {
    if (operation !== "state.Plan" && operation !== "state.Apply") {
      return undefined;
    }
    const plan = planIn(operation, params);
    if (plan !== undefined) {
      const id = BigInt(plan.slice("p-".length));
      const [found] = await this.#options.store.planAgents(id, agent);
      return found === undefined ? undefined : await this.in(found.sheet);
    }
    const { sheet } = JSON.parse(params) as { readonly sheet?: unknown };
    if (typeof sheet !== "string") return secretsIn(JSON.stringify(sheet));
    return SHA256_PATTERN.test(sheet) ? await this.in(sheet) : undefined;
  }
}

function secretsIn(json: string): CompiledSecrets {
  // Most states have none.
  return json.includes('"$secret"')
    ? secretsOfSteps(parseSheet(json).steps)
    : new Map();
}
