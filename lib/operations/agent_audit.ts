import { join } from "@std/path";
import * as v from "valibot";
import type { Operation } from "./operation.ts";

/** Commands of one answer, a count: with the witnesses they fit into a result. */
const MAX_COMMANDS = 1_500;

/** Files of the host's record that are read, a count. */
const MAX_FILES = 100;

/** Largest file that is read, in bytes. */
const MAX_FILE_BYTES = 4 * 1_048_576;

const parameters = v.strictObject({
  manager: v.pipe(
    v.string(),
    v.maxLength(100),
    v.description("Id of the Manager's database"),
  ),
  skip: v.optional(v.pipe(
    v.number(),
    v.integer(),
    v.minValue(0),
    v.maxValue(10_000_000),
    v.description("Number of the newest commands to leave out: the next page"),
  )),
});

/** Command that the agent took: its id, its nonce in hex digits, and the time in milliseconds since 1970. */
type Taken = readonly [id: string, nonce: string, at: number];

/** Tells what the agent knows about the Manager's audit: the checkpoints that it keeps, and the commands that it took. */
export const agentAudit: Operation<typeof parameters> = {
  name: "agent.Audit",
  description:
    "Tells the checkpoints of the Manager's audit that the agent keeps, and the commands that it took",
  parameters,
  acts: false,
  // deno-lint-ignore require-yield
  async *run({ manager, skip = 0 }, { surroundings: { ownRecords } }) {
    const taken = ownRecords === undefined
      ? []
      : await commandsTaken(ownRecords.commands, manager);
    const rest = taken.slice(skip);
    return {
      success: true,
      changed: false,
      data: {
        // The next pages are about the commands only.
        witnesses: skip > 0 || ownRecords === undefined
          ? []
          : await witnessesOf(ownRecords.witnesses, manager),
        commands: rest.slice(0, MAX_COMMANDS),
        more: rest.length > MAX_COMMANDS,
      },
    };
  },
};

/** Commands of a Manager in the host's own record, newest first. */
async function commandsTaken(
  folder: string,
  manager: string,
): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const name of await filesIn(folder)) {
    for (const line of (await textOf(join(folder, name))).split("\n")) {
      // Most lines are about something else, and to parse them takes the time.
      if (!line.includes('"accepted"') || !line.includes(manager)) continue;
      const command = takenIn(line, manager);
      if (command !== undefined) taken.push(command);
    }
  }
  return taken.reverse();
}

/** Names of the newest files of the record, oldest first. */
async function filesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/^audit-\d{6,15}\.jsonl$/.test(name)) names.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const number = (name: string) => Number(/\d+/.exec(name)?.[0]);
  return names.toSorted((one, other) => number(one) - number(other))
    .slice(-MAX_FILES);
}

/** Text of a file; empty if it is gone, or larger than the agent writes it. */
async function textOf(path: string): Promise<string> {
  try {
    const { size } = await Deno.stat(path);
    return size > MAX_FILE_BYTES ? "" : await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

const Line = v.object({
  at: v.pipe(v.string(), v.transform((text) => Date.parse(text)), v.integer()),
  event: v.literal("accepted"),
  id: v.pipe(v.string(), v.maxLength(20)),
  nonce: v.pipe(v.string(), v.maxLength(16)),
  manager: v.string(),
});

function takenIn(line: string, manager: string): Taken | undefined {
  const read = v.safeParse(v.pipe(v.string(), v.parseJson(), Line), line);
  if (!read.success || read.output.manager !== manager) return undefined;
  const { id, nonce, at } = read.output;
  return [id, nonce, at];
}

const Witness = v.object({
  managerId: v.string(),
  count: v.pipe(v.string(), v.maxLength(20)),
  hash: v.pipe(v.string(), v.maxLength(128)),
  at: v.number(),
  key: v.pipe(v.string(), v.maxLength(128)),
  signature: v.pipe(v.string(), v.maxLength(128)),
});

const Testimony = v.object({
  witnesses: v.pipe(v.array(Witness), v.maxLength(100)),
});

/** Checkpoints of a Manager in the agent's file; none if it has none or cannot be read. */
async function witnessesOf(
  path: string,
  manager: string,
): Promise<Omit<v.InferOutput<typeof Witness>, "managerId">[]> {
  const read = v.safeParse(
    v.pipe(v.string(), v.parseJson(), Testimony),
    await textOf(path),
  );
  if (!read.success) return [];
  return read.output.witnesses
    .filter(({ managerId }) => managerId === manager)
    .map(({ managerId: _, ...witness }) => witness);
}
