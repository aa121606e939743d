import { assertRejects } from "@std/assert";
import fc from "fast-check";
import type { StepOperation } from "../../lib/steps/step_operation.ts";
import {
  applyIsEnough,
  crashIsHarmless,
  PARTS,
  type Parts,
  planIsTrue,
  planIsWhole,
  PROPERTIES,
  type Property,
  twiceIsOnce,
} from "./properties.ts";

/** Cases of each property: `deno task steps --cases N` tries more. */
const CASES = 80;

for (const [name, property] of PROPERTIES) {
  Deno.test(`${name}, for any sheet`, async () => {
    await fc.assert(property(PARTS), { numRuns: CASES });
  });
}

function withOperation(
  name: string,
  change: (operation: StepOperation) => Partial<StepOperation>,
): Parts {
  return {
    ...PARTS,
    operations: PARTS.operations.map((operation) =>
      operation.name === name
        ? { ...operation, ...change(operation) }
        : operation
    ),
  };
}

const PLANTED: readonly [string, Property, Parts][] = [
  [
    "an operation that changes without being checked again, and not enough",
    applyIsEnough,
    withOperation("file.Installed", ({ check }) => ({
      check: async (...args) => ({ ...await check(...args), after: "none" }),
      change: async () => {},
    })),
  ],
  [
    "an operation that always asks for a change",
    twiceIsOnce,
    withOperation("file.Symlinked", ({ check }) => ({
      check: async (...args) => ({
        ...await check(...args),
        verdict: "change",
        after: "none",
      }),
    })),
  ],
  [
    "a check that leaves what a change does to later steps out",
    planIsTrue,
    withOperation("file.Dir", ({ check }) => ({
      check: async (...args) => ({ ...await check(...args), effects: [] }),
    })),
  ],
  [
    "a check that does not tell all that its change does",
    planIsWhole,
    withOperation("file.Installed", ({ check }) => ({
      check: async (...args) => {
        const { changes, ...rest } = await check(...args);
        return {
          ...rest,
          changes: changes.filter(({ what }) => what !== "mode"),
        };
      },
    })),
  ],
  [
    "debts that are only kept in memory",
    crashIsHarmless,
    {
      ...PARTS,
      diskOf: (disk) => ({
        size: (name) => disk.size(name),
        read: (...args) => disk.read(...args),
        replace: () => Promise.resolve(),
      }),
    },
  ],
  [
    "a change in two writes of which the check sees the first",
    crashIsHarmless,
    withOperation("file.Installed", ({ check, change }) => ({
      check: async (params, reader, forecast) =>
        reader.facts("/half") === undefined
          ? await check(params, reader, forecast)
          : { ...await check(params, reader, forecast), verdict: "ok" },
      change: async (params, checked, writer) => {
        const attributes = { mode: 0o755, uid: 0, gid: 0 };
        await writer.makeFolder("/half", attributes);
        await change(params, checked, writer);
        await writer.remove("/half");
      },
    })),
  ],
];

for (const [name, property, parts] of PLANTED) {
  Deno.test(`the property that it breaks finds ${name}`, async () => {
    await assertRejects(() =>
      fc.assert(property(parts), { numRuns: 2_000, endOnFailure: true })
    );
  });
}
