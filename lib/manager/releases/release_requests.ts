import * as v from "valibot";
import type { Counters } from "../../base/counters.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import type { NewCommand } from "../../store/records.ts";
import type { DataService } from "../data/data_service.ts";
import type { Releases } from "./releases.ts";

const Params = v.object({
  version: v.string(),
  name: v.string(),
  offset: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  length: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
});

/** Parameters of an update that name a version. */
const UpdateParams = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ version: v.string() }),
);

/** Means of the requests for releases. */
export interface ReleaseRequestsOptions {
  readonly releases: Pick<Releases, "read">;
  readonly counters: Counters;
  /** Open commands of an agent. */
  readonly commandsOf: (agent: string) => readonly { made: NewCommand }[];
}

/** Adds requests for releases to a data service. An agent gets the one that it is being updated to. */
export function withReleases(
  service: DataService,
  { releases, counters, commandsOf }: ReleaseRequestsOptions,
): DataService {
  return {
    ...service,
    answer: async (owner, type, params, limits = {}) => {
      if (type !== "release") {
        return await service.answer(owner, type, params, limits);
      }
      const { version, name, offset, length } = paramsIn(params);
      const isMeant = commandsOf(owner.id)
        .some(({ made }) => versionOf(made) === version);
      if (!isMeant) {
        throw new PiriError(
          "DENIED",
          `Cannot answer the request: no open command of agent "${owner.id}" updates it to version ${
            version.slice(0, Limits.word)
          }`,
        );
      }
      const { maxBytes = Limits.chunk } = limits;
      const bytes = await releases.read(version, name, {
        offset,
        length: Math.min(length, Limits.chunk, maxBytes),
      });
      counters.add("release_bytes_sent", bytes.length);
      return bytes;
    },
  };
}

/** Version that a command updates its agent to; undefined for any other command. */
function versionOf(
  { operation, params }: Pick<NewCommand, "operation" | "params">,
): string | undefined {
  if (operation !== "agent.Update") return undefined;
  const result = v.safeParse(UpdateParams, params);
  return result.success ? result.output.version : undefined;
}

function paramsIn(text: string): v.InferOutput<typeof Params> {
  const result = v.safeParse(v.pipe(v.string(), v.parseJson(), Params), text);
  if (result.success) return result.output;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer the request: "${
      v.getDotPath(result.issues[0]) ?? "data"
    }" is missing or wrong`,
  );
}
