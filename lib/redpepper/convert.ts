import { compareNotes, type Note } from "./note.ts";
import { readAgents, type RedpepperAgent } from "./read_agents.ts";
import { modulesOf, readCode } from "./read_code.ts";
import { readData } from "./read_data.ts";
import { readStates } from "./read_states.ts";
import type { RedpepperFolder } from "./redpepper_folder.ts";

/** All of RedPepper that Piri can take. */
export interface Converted {
  readonly agents: readonly RedpepperAgent[];
  /** Files for the Manager's folder: contents by paths, as states/groups/web.yaml. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Paths of RedPepper's states by those of ours; lines are the same. */
  readonly origins: ReadonlyMap<string, string>;
  /** Files with operations in Python by the names of their modules. */
  readonly modules: ReadonlyMap<string, string>;
  /** Sorted remarks. */
  readonly notes: readonly Note[];
}

/** Converts the files of a Manager of RedPepper. */
export function convert(folder: RedpepperFolder): Converted {
  const { agents, notes } = readAgents(folder);
  const data = readData(folder, agents);
  const states = readStates(
    folder,
    (group) =>
      agents.filter(({ groups }) => groups.includes(group))
        .map((agent) => (name: string) => data.lookUp(agent, name)),
  );
  const used = new Set(agents.flatMap(({ groups }) => groups));
  const unused = [...states.origins].filter(([path]) =>
    ![...used].some((group) =>
      path === `states/groups/${group}.yaml` ||
      path.startsWith(`states/groups/${group}/`)
    )
  ).map(([, file]): Note => ({
    file,
    message:
      "It is copied, and not checked: no agent of agents.yml has its group",
    isLost: false,
  }));
  return {
    agents,
    files: new Map(
      [...data.files, ...states.files].toSorted(([one], [other]) =>
        one < other ? -1 : 1
      ),
    ),
    origins: states.origins,
    modules: modulesOf(folder),
    notes: [
      ...folder.notes,
      ...notes,
      ...data.notes,
      ...states.notes,
      ...unused,
      ...readCode(folder),
    ].toSorted(compareNotes),
  };
}
