import { fingerprintOf } from "../fingerprint.ts";
import { findManager } from "../providers/packages/find_manager.ts";
import type { HostWriter } from "../host/host.ts";
import {
  type Changed,
  type Check,
  type CheckedStep,
  type Effect,
  stepOperation,
} from "../step_operation.ts";
import { packageThings } from "./package_installed.ts";
import {
  besidesNote,
  carryOut,
  moveChanges,
  moveEffects,
  movePins,
  NAMES,
  namesOf,
  pinnedOf,
  repairChanges,
  requireKept,
  requireReviewed,
  requireReviewedTogether,
  simulated,
} from "./packages.ts";
import { requireNames } from "./package_values.ts";

/** Makes packages not be installed. */
export const packageAbsent = stepOperation({
  name: "package.Absent",
  description: "Makes packages not be installed",
  subject: "name",
  oneOf: [["name", "names"]],
  parameters: {
    ...NAMES,
    purge: {
      type: "switch",
      description: "True to remove their settings as well",
      standard: "false",
    },
    autoremove: {
      type: "switch",
      description:
        "True to remove with them what was installed for others and is not needed any more",
      standard: "false",
    },
  },
  things: packageThings,
  validate: (params) => requireNames(params),
  async check(params, reader, forecast): Promise<Check> {
    const manager = await findManager(reader);
    const { purge = false, autoremove } = params;
    const names = namesOf(params, manager);
    const table = await manager.installed(reader);
    const found = names.map((name) => {
      const foreseen = reader.foreseen({ kind: "package", name });
      const own = table.of(name);
      const state = foreseen === undefined
        ? own?.state
        : foreseen.facts === undefined
        ? undefined
        : "ahead";
      return { name, state, version: own?.version ?? null };
    });
    const fingerprint = fingerprintOf(
      found.map(({ name, state = null, version }) => [name, state, version]),
    );
    const there = found.filter(({ state }) =>
      state !== undefined && (state !== "left" || purge)
    );
    if (there.length === 0) {
      return { verdict: "ok", changes: [], fingerprint };
    }
    // The removal of a package that an earlier step installs cannot be simulated yet.
    const present = there.filter(({ state }) => state !== "ahead");
    const moves = present.length === 0 ? [] : await simulated(manager, {
      kind: "remove",
      names: present.map(({ name }) => name),
      purge,
      autoremove,
    }, { reader, forecast });
    requireKept(moves, table);
    const others = there.filter(({ name }) =>
      !moves.some((move) => move.name === name)
    );
    return {
      verdict: "change",
      changes: [
        ...repairChanges(table),
        ...moveChanges(moves, names),
        ...others.map(({ name, state, version }) => ({
          what: name,
          from: state === "left" ? "settings" : version ?? "installed",
          to: "(absent)",
        })),
      ],
      fingerprint,
      effects: [
        ...others.map(({ name }): Effect => ({
          kind: "thing",
          thing: { kind: "package", name },
          facts: undefined,
        })),
        ...moveEffects(moves),
      ],
      pins: movePins([...moves, ...others]),
    };
  },
  async change(params, check, writer) {
    const [end] = await removePackages([{ params, check }], writer);
    return end;
  },
  join: {
    // Together more could be left that nothing needs than each of the steps alone would remove.
    keyOf: ({ purge = false, autoremove = false }) =>
      autoremove ? undefined : `remove ${purge}`,
    change: removePackages,
  },
});

/** Parameters of a step that removes packages. */
interface AbsentParams {
  readonly name?: readonly string[];
  readonly names?: readonly string[];
  readonly purge?: boolean;
  readonly autoremove?: boolean;
}

/** Removes, by one transaction, what the checks of steps found to be there. */
async function removePackages(
  steps: readonly CheckedStep<AbsentParams>[],
  writer: HostWriter,
): Promise<readonly Changed[]> {
  for (const { check } of steps) requireReviewed(check);
  const manager = await findManager(writer);
  const { purge = false, autoremove } = steps[0]?.params ?? {};
  const table = await manager.installed(writer);
  const present = steps.map(({ params }) =>
    namesOf(params, manager).filter((name) => {
      const state = table.of(name)?.state;
      return state !== undefined && (state !== "left" || purge);
    })
  );
  const names = [...new Set(present.flat())];
  const transaction = { kind: "remove", names, purge, autoremove } as const;
  const pinned = pinnedOf(steps);
  if (steps.length > 1) {
    await requireReviewedTogether(transaction, pinned, { manager, writer });
  }
  const moves = await carryOut(manager, manager.programs(transaction), writer);
  const after = await manager.installed(writer);
  const note = besidesNote(moves, pinned);
  return steps.map((_, place) => {
    const own = present[place] ?? [];
    const isGone = own.some((name) =>
      table.of(name)?.state !== after.of(name)?.state
    );
    return {
      changed: isGone || (steps.length === 1 && moves.length > 0),
      ...place > 0 || note === undefined ? {} : { note },
    };
  });
}
