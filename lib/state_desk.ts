import { PiriError } from "./base/errors.ts";
import { didYouMean } from "./base/nearest.ts";
import { exists } from "./base/files.ts";
import { systemClock } from "./base/clock.ts";
import { systemRandom } from "./base/random.ts";
import type { StateDesk, StateSchema } from "./cli/manager/services.ts";
import { Layers, lookUp } from "./manager/data/layers.ts";
import { StateFolder } from "./manager/data/state_folder.ts";
import { SecretFiles } from "./manager/secrets/secret_files.ts";
import { stateSecrets } from "./manager/secrets/state_secrets.ts";
import { statePaths } from "./manager/state/state_paths.ts";
import { Compiler } from "./states/compiler.ts";
import { stepDescriptions } from "./steps/registry.ts";
import { readIdentity } from "./store/identity.ts";

/**
 * Compiler over a Manager's state folder, also while the Manager runs. It contacts nobody and writes nothing.
 *
 * @throws {PiriError} FAILED_PRECONDITION if the folder is not initialised or its database has another version; DENIED,
 * CORRUPT, DISK
 */
export async function openStateDesk(dir: string): Promise<StateDesk> {
  const paths = statePaths(dir);
  if (!await exists(paths.database)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot compile states: "${dir}" is no state folder of a Manager; run piri-manager init`,
    );
  }
  const { agents } = await readIdentity(paths.database);
  const enrolled = agents.filter(({ retired, revokedAt }) =>
    !retired && revokedAt === null
  ).map(({ id, groups, facts, setFacts, instance }) => ({
    id,
    groups,
    facts: instance === null && Object.keys(facts).length === 0
      ? undefined
      : { ...facts, ...setFacts },
    setFacts,
  }));
  const agentOf = (id: string) => {
    const agent = enrolled.find((each) => each.id === id);
    if (agent !== undefined) return agent;
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find the agent "${id}": ${
        didYouMean(
          id,
          enrolled.map((each) => each.id),
          "piri-manager agents lists all",
        )
      }`,
    );
  };
  const compiler = new Compiler({
    reader: new StateFolder(dir),
    operations: stepDescriptions,
  });
  const data = new Layers(paths.data);
  const secrets = new SecretFiles({
    folder: paths.secrets,
    keyFile: paths.secretsKey,
    store: {
      recordAudit: () => Promise.reject(new TypeError("nothing is written")),
    },
    clock: systemClock,
    random: systemRandom,
  });
  return {
    agents: enrolled,
    names: () => compiler.names(),
    modules: () => compiler.modules(),
    format: (problem) => compiler.format(problem),
    data: async (id, key) => {
      const agent = agentOf(id);
      const all = await data.explain(agent);
      const parts = all.filter((part) =>
        key === "" || part.key === key || part.key.startsWith(`${key}.`)
      );
      return { value: lookUp(await data.of(agent), key), parts };
    },
    compile: async (state, id) => {
      const agent = agentOf(id);
      return await compiler.compile(state, {
        id,
        groups: agent.groups,
        facts: agent.facts,
        data: await data.of(agent),
        secrets: await stateSecrets(secrets, { ...agent, connected: true }),
      });
    },
  };
}

/** Schema of states, with the custom operations of a folder. A folder that is not there has none. */
export async function schemaOf(dir: string): Promise<StateSchema> {
  const { stateSchema } = await import("./states/state_schema.ts");
  const { describe } = await import("./states/custom/custom_modules.ts");
  const compiler = new Compiler({
    reader: new StateFolder(dir),
    operations: stepDescriptions,
  });
  const modules = await compiler.modules();
  const good = modules.filter(({ problems }) => problems.length === 0);
  const custom = new Map(
    good.flatMap(({ name, operations }) =>
      operations.map((each) => describe(name, each))
    ).map((each) => [each.name, each]),
  );
  return {
    schema: stateSchema([...stepDescriptions, ...custom.values()]),
    broken: modules.filter((each) => !good.includes(each))
      .map(({ path }) => path),
  };
}
