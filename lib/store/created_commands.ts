import { freshCommand, NEW_FIELDS } from "./command_shape.ts";
import type { CommandRecord, NewCommand } from "./records.ts";

/** Answer of `createCommands`. */
export interface Created {
  readonly job: string;
  readonly commands: CommandRecord[];
  readonly repeated: boolean;
}

/** The same without the records of new commands, which the one who asked can make. */
export type CreatedIds =
  | Created
  | { readonly job: string; readonly firstId: bigint };

/** Commands to be made: one of them, and what each has of its own, if all else is the same. */
export type PackedCommands = readonly NewCommand[] | {
  readonly first: NewCommand;
  readonly own: readonly (readonly unknown[])[];
};

/** Fields that differ between commands which are made together. */
export const OWN_FIELDS = ["agent", "nonce", "instance", "session"] as const;

/** Fields that they share, so that a large text is bound once. */
export const SHARED_FIELDS = NEW_FIELDS.filter((field) =>
  !OWN_FIELDS.some((own) => own === field)
);

/** Command to be added: all fields that a command is created with. */
export type StoredNewCommand = Required<NewCommand> & { readonly job: string };

/** True if commands differ only in what each has of its own. */
export function areAlike(
  commands: readonly (NewCommand & { readonly job?: string })[],
): boolean {
  const [first] = commands;
  return commands.every((command) =>
    SHARED_FIELDS.every((field) => command[field] === first?.[field])
  );
}

/** New commands with all fields that they are created with. */
export function complete(
  commands: readonly NewCommand[],
  job: string,
): StoredNewCommand[] {
  return commands.map((each) => ({
    rerunOf: null,
    survive: false,
    saidBy: "",
    ...each,
    job,
  }));
}

/** Records of commands right after their creation, with ids from the first one on. */
export function freshCommands(
  firstId: bigint,
  commands: readonly StoredNewCommand[],
): CommandRecord[] {
  const [first] = commands;
  if (first === undefined || !areAlike(commands)) {
    return commands.map((each, index) =>
      freshCommand(firstId + BigInt(index), each)
    );
  }
  // A copy of a whole record costs a tenth of making one.
  const model = freshCommand(firstId, first);
  return commands.map((each, index) => {
    const { agent, nonce, instance, session } = each;
    const id = firstId + BigInt(index);
    const own = { id, agent, nonce, instance, session };
    return Object.assign({ ...model }, own);
  });
}

/** Leaves out the records of new commands for the way between threads: to copy them costs more than to make them. */
export function withoutRecords(created: Created): CreatedIds {
  const { job, commands: [first], repeated } = created;
  if (repeated || first === undefined) return created;
  return { job, firstId: first.id };
}

/** Makes the records that were left out. */
export function withRecords(
  answer: CreatedIds,
  commands: readonly NewCommand[],
): Created {
  if ("commands" in answer) return answer;
  const { job, firstId } = answer;
  const records = freshCommands(firstId, complete(commands, job));
  return { job, commands: records, repeated: false };
}

/** Packs new commands for the way between threads: a copy of each would repeat their parameters. */
export function packed(commands: readonly NewCommand[]): PackedCommands {
  const [first] = commands;
  if (first === undefined || !areAlike(commands)) return commands;
  return {
    first,
    own: commands.map((each) => OWN_FIELDS.map((field) => each[field])),
  };
}

/** Commands that were packed. */
export function unpacked(commands: PackedCommands): readonly NewCommand[] {
  if (!("own" in commands)) return commands;
  const { first, own } = commands;
  return own.map(([agent, nonce, instance, session]) =>
    ({ ...first, agent, nonce, instance, session }) as NewCommand
  );
}
