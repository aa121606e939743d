import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { stepOperations } from "../../lib/steps/registry.ts";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import type { StepOperation } from "../../lib/steps/step_operation.ts";
import type { FakeUnit } from "./fake_systemd.ts";
import type { Ran } from "./runs.ts";
import { hostWith, type Step } from "./service_runs.ts";

const CASES = 150;
const NAMES = ["a", "b", "c.socket"] as const;

const anyUnit: fc.Arbitrary<FakeUnit> = fc.record({
  active: fc.constantFrom("active", "inactive", "failed"),
  fileState: fc.constantFrom("enabled", "disabled", "static"),
  load: fc.constantFrom("loaded", "loaded", "loaded", "masked", "not-found"),
  canReload: fc.boolean(),
  isForgotten: fc.boolean(),
  failsToStart: fc.constantFrom(false, false, false, true),
}).map((unit) => {
  if (unit.load === "masked") return { ...unit, fileState: "masked" };
  return unit.load === "not-found" ? { load: unit.load } : unit;
}) as fc.Arbitrary<FakeUnit>;

const anyUnits = fc.tuple(anyUnit, anyUnit, anyUnit).map((units) =>
  Object.fromEntries(
    NAMES.map((name, index) => [
      name.includes(".") ? name : `${name}.service`,
      units[index] ?? {},
    ]),
  )
);

/** Steps about a unit that agree with each other, or one of them. */
function stepsAbout(name: string): fc.Arbitrary<Step[]> {
  const enabled = fc.constantFrom({}, { enabled: true }, { enabled: false });
  const text = fc.constantFrom("[Install]\n", "[Install]\n# new\n", "[X]\n");
  const service =
    (operation: string) => (more: SheetStep["params"]): Step[] => [
      { operation: `service.${operation}`, params: { name, ...more } },
    ];
  return fc.oneof(
    enabled.map((more) => service("Running")({ settle: 0, ...more })),
    enabled.map(service("Stopped")),
    fc.constantFrom("Enabled", "Disabled", "Masked").map((each) =>
      service(each)({})
    ),
    fc.record({
      content: text,
      running: fc.boolean(),
    }).map(({ content, running }): Step[] => [{
      operation: "systemd.Unit",
      params: { name, content, running },
    }]),
    fc.constant<Step[]>([{
      operation: "systemd.Unit",
      params: { name, absent: true },
    }]),
    text.map((content): Step[] => [
      {
        operation: "systemd.Unit",
        params: { name, content, dropin: "more" },
      },
      { operation: "service.Running", params: { name, settle: 0 } },
    ]),
  );
}

/** A list of steps, of which services react to those before them. */
function linked(steps: readonly Step[], reacts: readonly boolean[]): Step[] {
  return steps.map((step, index) =>
    step.operation === "service.Running" && reacts[index] === true && index > 0
      ? {
        ...step,
        params: { ...step.params, restart_on: [index - 1], reload_on: [0] },
      }
      : step
  );
}

const anyAgreeing = fc.tuple(
  fc.tuple(...NAMES.map(stepsAbout)),
  fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }),
).map(([steps, reacts]) => linked(steps.flat(), reacts));

const anySteps = fc.tuple(
  fc.array(fc.constantFrom(...NAMES).chain(stepsAbout), { maxLength: 5 }),
  fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
).map(([steps, reacts]) =>
  linked(steps.flat().map((step) => ({ ...step, continue: true })), reacts)
);

function found({ steps }: Ran) {
  return steps.map(({ verdict, changes }) => [
    verdict,
    ...changes.map(({ what, to }) => `${what} ${to ?? ""}`),
  ]);
}

function verdicts({ steps }: Ran) {
  return steps.map(({ verdict }) => verdict).filter((each) => each !== "ok");
}

type Property = (
  operations: readonly StepOperation[],
) => fc.IAsyncProperty<unknown>;

/** A plan after an apply that succeeded is empty, and a second apply runs nothing. */
const isEnough: Property = (operations) =>
  fc.asyncProperty(anyUnits, anyAgreeing, async (units, steps) => {
    const { host, plan, apply } = hostWith(units, operations);
    const { end } = await apply(steps);
    fc.pre(end.success);
    const ran = host.ran.length;
    const tree = new Map(host.tree);

    const planned = await plan(...steps);
    const again = await apply(steps);

    assertEquals([verdicts(planned), verdicts(again)], [[], []]);
    assertEquals([host.ran.length, host.tree], [ran, tree]);
  });

/** An apply changes what the plan said, up to the first step that fails only when it is run. */
const isTrue: Property = (operations) =>
  fc.asyncProperty(anyUnits, anySteps, async (units, steps) => {
    const { host, plan, apply } = hostWith(units, operations);
    const planned = await plan(...steps);
    assertEquals([host.ran, host.writes], [[], 0]);

    const applied = await apply(steps);

    const end = applied.steps.findIndex(({ verdict }, index) =>
      verdict === "failed" && planned.steps[index]?.verdict !== "failed"
    );
    const told = end < 0 ? applied.steps.length : end;
    assertEquals(
      found(planned).slice(0, told),
      found(applied).slice(0, told),
    );
  });

const PROPERTIES: readonly [string, Property][] = [
  [
    "a plan after an apply of services is empty, and a second apply runs nothing",
    isEnough,
  ],
  ["an apply of services does what its plan said, step by step", isTrue],
];

for (const [name, property] of PROPERTIES) {
  Deno.test(`${name}, for any units and steps`, async () => {
    await fc.assert(property(stepOperations), { numRuns: CASES });
  });
}

function broken(
  name: string,
  change: (operation: StepOperation) => Partial<StepOperation>,
): readonly StepOperation[] {
  return stepOperations.map((operation) =>
    operation.name === name ? { ...operation, ...change(operation) } : operation
  );
}

const PLANTED: readonly [string, Property, readonly StepOperation[]][] = [
  [
    "a stop that is not made",
    isEnough,
    broken("service.Stopped", ({ check }) => ({
      check: async (...args) => ({ ...await check(...args), after: "none" }),
      change: async () => {},
    })),
  ],
  [
    "a start that later steps do not see",
    isTrue,
    broken("service.Running", ({ check }) => ({
      check: async (...args) => ({ ...await check(...args), effects: [] }),
    })),
  ],
  [
    "a unit that is removed and stays for later steps",
    isTrue,
    broken("systemd.Unit", ({ check }) => ({
      check: async (...args) => ({ ...await check(...args), effects: [] }),
    })),
  ],
];

for (const [name, property, operations] of PLANTED) {
  Deno.test(`the property of services that it breaks finds ${name}`, async () => {
    await assertRejects(() =>
      fc.assert(property(operations), { numRuns: 2_000, endOnFailure: true })
    );
  });
}
