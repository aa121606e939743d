import * as v from "valibot";
import type { Counters } from "../../base/counters.ts";
import { PiriError } from "../../base/errors.ts";
import { logger } from "../../base/log.ts";
import type { CommandRecord } from "../../store/records.ts";
import type { DataService } from "../data/data_service.ts";
import { NotForAgent } from "./not_for_agent.ts";
import type { SecretDesk } from "./secret_desk.ts";
import type { SheetSecrets } from "./sheet_secrets.ts";

const log = logger("manager", "secrets");

const Params = v.object({
  command: v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,18}$/)),
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
});

/** Means of the requests for secrets. */
export interface SecretRequestsOptions {
  readonly desk: Pick<SecretDesk, "namesOf" | "give">;
  /** Secrets of compiled states; none if absent. */
  readonly sheets?: Pick<SheetSecrets, "give"> | undefined;
  readonly counters: Counters;
  /** Open commands of an agent. */
  readonly commandsOf: (
    agent: string,
  ) => readonly { readonly record: CommandRecord }[];
}

/**
 * Adds requests for secrets to a data service. An agent gets those that one of its own commands names, from the moment
 * when that was sent until it has ended.
 */
export function withSecrets(
  service: DataService,
  { desk, sheets, counters, commandsOf }: SecretRequestsOptions,
): DataService {
  return {
    answer: async (owner, type, params, limits = {}) => {
      if (type !== "secret") {
        return await service.answer(owner, type, params, limits);
      }
      const { command, name } = secretParams(params);
      const record = commandsOf(owner.id)
        .map(({ record }) => record)
        .find(({ id }) => id === BigInt(command));
      const given = async (record: CommandRecord) =>
        await sheets?.give(record, name) ??
          (desk.namesOf(record).includes(name)
            ? await desk.give(record, name)
            : undefined);
      const secret = record === undefined || record.state === "queued"
        ? undefined
        : await given(record).catch((error) => {
          if (!(error instanceof NotForAgent)) throw error;
          counters.add("secrets_refused");
          log.warning("Command {command}: {error}", {
            command,
            error: error.message,
          });
          // The agent tells it to all who see the command.
          throw error.covered;
        });
      if (secret === undefined) {
        counters.add("secrets_refused");
        throw new PiriError(
          "DENIED",
          `Cannot answer the request: no open command ${command} of agent "${owner.id}" names the secret "${name}"`,
        );
      }
      counters.add("secrets_given");
      log.info("Secret {name} goes to agent {agent} for command {command}", {
        name,
        agent: owner.id,
        command,
      });
      return secret.open();
    },
  };
}

function secretParams(text: string): v.InferOutput<typeof Params> {
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), Params),
    text,
  );
  if (result.success) return result.output;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer the request: "${
      v.getDotPath(result.issues[0]) ?? "data"
    }" is missing or wrong`,
  );
}
