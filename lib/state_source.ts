import { PiriError } from "./base/errors.ts";
import { Layers } from "./manager/data/layers.ts";
import { StateFolder } from "./manager/data/state_folder.ts";
import type { StateSource } from "./manager/api/plan_api.ts";
import type { SecretFiles } from "./manager/secrets/secret_files.ts";
import { stateSecrets } from "./manager/secrets/state_secrets.ts";
import type { StatePaths } from "./manager/state/state_paths.ts";
import type { CompiledState } from "./states/compiled_state.ts";
import type { Compiler } from "./states/compiler.ts";
import { writePlaces } from "./steps/step_places.ts";
import { stepDescriptions } from "./steps/registry.ts";

/** States in the folder of a running Manager. */
export function stateSource(
  paths: Pick<StatePaths, "dir" | "data">,
  secrets: Pick<SecretFiles, "of" | "macOf">,
): StateSource {
  const reader = new StateFolder(paths.dir);
  const data = new Layers(paths.data);
  // Many Managers have no states, and all start sooner without what compiles them.
  let loaded: Promise<Compiler> | undefined;
  const load = () =>
    loaded ??= import("./states/compiler.ts").then(({ Compiler }) =>
      new Compiler({ reader, operations: stepDescriptions })
    );
  // Agents share compilations, and a state may have many steps.
  const places = new WeakMap<CompiledState, string>();
  const placesOf = (compiled: CompiledState): string => {
    const known = places.get(compiled);
    if (known !== undefined) return known;
    const text = writePlaces(
      compiled.places.map(({ name, place }) => ({ step: name, ...place })),
    );
    places.set(compiled, text);
    return text;
  };
  return {
    names: async () => (await load()).names(),
    compile: async (state, agent) => {
      const compiler = await load();
      const compiled = await compiler.compile(state, {
        ...agent,
        data: await data.of(agent),
        // It has to be connected to ask for any.
        secrets: await stateSecrets(secrets, { ...agent, connected: true }),
      });
      const { files, problems, json, sha256, blobs, sources, factsAsked } =
        compiled;
      return {
        exists: files.length > 0,
        problems: problems.map((problem) => compiler.format(problem)),
        json,
        sha256,
        blobs,
        sources,
        places: placesOf(compiled),
        factsAsked,
      };
    },
    placesOf: (agent) => reader.placesOf(agent),
    read: async (path) => {
      const file = await reader.open(path);
      if (file !== undefined) return await file.load();
      throw new PiriError(
        "NOT_FOUND",
        `Cannot read "${path}": it is gone since the state was compiled`,
      );
    },
  };
}
