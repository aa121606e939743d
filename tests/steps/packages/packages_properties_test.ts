import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { installPackages } from "../../../lib/steps/operations/install_packages.ts";
import { apt } from "../../../lib/steps/providers/packages/apt.ts";
import type { StepRecord } from "../../../lib/steps/engine/records.ts";
import { stepOperations } from "../../../lib/steps/registry.ts";
import type { Sheet, SheetStep } from "../../../lib/steps/sheet.ts";
import type { StepOperation } from "../../../lib/steps/step_operation.ts";
import { applyOn, planOn, type Ran, sheetOf } from "../runs.ts";
import { type FakeApt, fakeApt, readLists } from "./fake_apt.ts";

const CASES = 150;
/** Words of a plan for a version that it cannot know before lists are read. */
const NEWEST = "the newest version of the new lists";
const NAMES = ["aa", "bb", "cc", "lib"] as const;

/** Host with apt, before a run. */
interface Start {
  readonly installed: Record<string, string>;
  readonly available: Record<string, string>;
  readonly depends: readonly string[];
  readonly recommends: readonly string[];
  readonly broken: readonly string[];
  /** Age of the lists of packages in days; null if there are none. */
  readonly listsAge: number | null;
  /** True if it has a file of the repository that steps are about. */
  readonly hasRepository: boolean;
}

const versions = fc.constantFrom("1", "2");
const someNames = fc.subarray(["aa", "bb", "cc"]);

/** Any host: some packages need, or recommend, one that others bring as well. */
const anyStart: fc.Arbitrary<Start> = fc.record({
  installed: fc.dictionary(fc.constantFrom(...NAMES), versions, {
    maxKeys: 2,
  }),
  available: fc.record({
    aa: versions,
    bb: versions,
    cc: versions,
    lib: versions,
  }),
  depends: someNames,
  recommends: fc.constantFrom([], ["aa", "bb", "cc"]),
  broken: fc.constant<string[]>([]),
  listsAge: fc.constantFrom(null, 0, 3),
  hasRepository: fc.boolean(),
}).map((start) => {
  const needs = start.depends.some((name) => name in start.installed);
  const lib = needs ? { lib: "1" } : {};
  return { ...start, installed: { ...start.installed, ...lib } };
});

function hostOf(start: Start): FakeApt {
  const fake = fakeApt(start.installed, start.available);
  for (const name of start.depends) fake.depends.set(name, ["lib"]);
  for (const name of start.recommends) fake.recommends.set(name, ["lib"]);
  for (const name of start.broken) fake.broken.add(name);
  if (start.hasRepository) {
    const folder = { kind: "folder", mode: 0o755, uid: 0, gid: 0 } as const;
    const { tree } = fake.host;
    tree.set("/etc/apt", folder);
    tree.set("/etc/apt/sources.list.d", folder);
    tree.set("/etc/apt/sources.list.d/site.sources", {
      ...folder,
      kind: "file",
      mode: 0o644,
      text: "Enabled: yes\nTypes: deb\n",
    });
  }
  if (start.listsAge !== null) {
    readLists(fake, fake.host.clock.now() - start.listsAge * 86_400_000);
  }
  return fake;
}

type Step = Pick<SheetStep, "operation" | "params">;

const choices = fc.record({
  latest: fc.constant(true),
  recommends: fc.constant(true),
}, { requiredKeys: [] });

/** Steps of packages: what one installs no other removes. */
function stepsAbout(name: string): fc.Arbitrary<Step> {
  const about = (operation: string) => (more: object): Step => ({
    operation: `package.${operation}`,
    params: { name: [name], ...more },
  });
  return fc.oneof(
    choices.map(about("Installed")),
    versions.map((version) => about("Installed")({ version })),
    fc.record({ purge: fc.boolean() }).map(about("Absent")),
  );
}

/** Steps about lists and repositories, in front of those that install from them. */
const anyBefore: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.constantFrom({}, { max_age: 3_600_000 }, { max_age: 604_800_000 })
      .map((params) => ({ operation: "package.Lists", params })),
    fc.record({
      name: fc.constant("site"),
      url: fc.constant("https://packages.example"),
      suites: fc.constant(["stable"]),
      components: fc.constant(["main"]),
      key: fc.constant("-----BEGIN PGP PUBLIC KEY BLOCK-----"),
      enabled: fc.boolean(),
      absent: fc.boolean(),
    }, { requiredKeys: ["name", "url", "suites", "components"] })
      .map((params) => ({ operation: "package.Repository", params })),
  ),
  { maxLength: 2 },
).filter((steps) =>
  // Two that want different things of one repository never come to an end.
  steps.filter(({ operation }) => operation === "package.Repository").length < 2
);

/** Steps that agree with each other; a package that others need is only installed. */
const anyAgreeing: fc.Arbitrary<Sheet> = fc.tuple(
  fc.tuple(...["aa", "bb", "cc"].map(stepsAbout)),
  fc.boolean(),
  fc.boolean(),
  anyBefore,
).map(([steps, hasLib, upgrades, before]) =>
  sheetOf(
    ...before,
    // A version that stays below the newest one is no work for both.
    ...upgrades && steps.every(({ params }) => !("version" in params))
      ? [{ operation: "package.Upgraded", params: {} }]
      : [],
    ...steps,
    ...hasLib
      ? [{ operation: "package.Installed", params: { name: ["lib"] } }]
      : [],
  )
);

const anySheet: fc.Arbitrary<Sheet> = fc.array(
  fc.tuple(fc.constantFrom(...NAMES).chain(stepsAbout), fc.boolean()),
  { maxLength: 7 },
).map((steps) =>
  sheetOf(
    ...steps.map(([step, goesOn]) => ({
      ...step,
      ...goesOn ? { continue: true } as const : {},
    })),
  )
);

function verdictsOf({ steps }: Ran): string[] {
  return steps.map(({ verdict }) => verdict);
}

function tableOf({ installed }: FakeApt): [string, string][] {
  return [...installed].sort();
}

type Property = (
  operations: readonly StepOperation[],
) => fc.IAsyncProperty<unknown>;

/** A plan after an apply is empty, and a second apply changes nothing. */
const isEnough: Property = (operations) =>
  fc.asyncProperty(anyStart, anyAgreeing, async (start, sheet) => {
    const fake = hostOf(start);
    const { end } = await applyOn(fake.host, sheet, { operations });
    fc.pre(end.success);
    const once = tableOf(fake);

    const planned = await planOn(fake.host, sheet, { operations });
    const again = await applyOn(fake.host, sheet, { operations });

    const right = sheet.steps.map(() => "ok");
    assertEquals([verdictsOf(planned), verdictsOf(again)], [right, right]);
    assertEquals(tableOf(fake), once);
  });

/** An apply does to each package that a step names what the plan said. */
const isTrue: Property = (operations) =>
  fc.asyncProperty(anyStart, anyAgreeing, async (start, sheet) => {
    const fake = hostOf(start);
    const before = tableOf(fake);
    const planned = await planOn(fake.host, sheet, { operations });
    assertEquals(tableOf(fake), before);
    fc.pre(planned.end.success && planned.end.counts.unknown === 0);

    const { end, steps } = await applyOn(fake.host, sheet, {
      operations,
      expected: new Map(planned.steps.map((step) => [step.name, step])),
      strict: true,
    });

    assertEquals([end.success, end.message, end.moved], [
      true,
      end.message,
      [],
    ]);
    // Before lists are read nobody knows what comes along with a package: one that a later step names may be there then.
    const isGuess = ({ changes }: StepRecord) =>
      changes.some(({ to }) => to === NEWEST);
    assertEquals(
      steps.map(({ verdict }) => verdict),
      planned.steps.map((step, index) =>
        isGuess(step) && steps[index]?.verdict === "ok" ? "ok" : step.verdict
      ),
    );
    // The last step that is about a package has the last word.
    const told = new Map(
      planned.steps.flatMap(({ changes }) => changes)
        .filter(({ what }) => NAMES.some((name) => name === what))
        .map(({ what, to = "" }) => [what, to.replace(/, with .*$/, "")]),
    );
    for (const [name, to] of told) {
      const version = to === NEWEST ? fake.available.get(name) : to;
      assertEquals(fake.installed.get(name) ?? "(absent)", version, name);
    }
  });

/** Steps that are done together end as they do when each is done alone. */
const isInvisible: Property = (operations) =>
  fc.asyncProperty(
    anyStart,
    anySheet,
    fc.subarray([...NAMES]),
    async (start, sheet, broken) => {
      const [together, alone] = [
        hostOf({ ...start, broken }),
        hostOf({ ...start, broken }),
      ];

      const one = await applyOn(together.host, sheet, { operations });
      const other = await applyOn(alone.host, sheet, {
        operations: operations.map(({ join: _, ...operation }) => operation),
      });

      const endsOf = ({ steps }: Ran) =>
        steps.map(({ verdict, changed }) => [verdict, changed]);
      assertEquals(endsOf(one), endsOf(other));
      assertEquals(tableOf(together), tableOf(alone));
      assertEquals(one.end.message, other.end.message);
    },
  );

const PROPERTIES: readonly [string, Property][] = [
  ["a plan after an apply of packages is empty", isEnough],
  ["an apply of packages does what its plan said", isTrue],
  ["packages that are installed together end as they do alone", isInvisible],
];

for (const [name, property] of PROPERTIES) {
  Deno.test(`${name}, for any host and steps`, async () => {
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
    "a removal that is not made",
    isEnough,
    broken("package.Absent", ({ check }) => ({
      check: async (...args) => ({ ...await check(...args), after: "none" }),
      change: async () => {},
      join: undefined as never,
    })),
  ],
  [
    "an upgrade that later steps do not see",
    isTrue,
    broken("package.Upgraded", ({ check }) => ({
      check: async (...args) => ({ ...await check(...args), effects: [] }),
    })),
  ],
  [
    "steps that are joined though they have other choices",
    isInvisible,
    broken("package.Installed", () => ({
      join: {
        keyOf: () => "all",
        change: (steps, writer) => installPackages(apt, steps, writer),
      },
    })),
  ],
  [
    "a joint change that says nothing of all steps but the first",
    isInvisible,
    broken("package.Installed", ({ join }) => ({
      join: {
        keyOf: (params) => join?.keyOf(params),
        change: async (steps, writer) => {
          const ends = await join?.change(steps, writer) ?? [];
          return ends.map((end, place) =>
            place === 0 ? end : { changed: false }
          );
        },
      },
    })),
  ],
];

for (const [name, property, operations] of PLANTED) {
  Deno.test(`the property of packages that it breaks finds ${name}`, async () => {
    await assertRejects(() =>
      fc.assert(property(operations), { numRuns: 2_000, endOnFailure: true })
    );
  });
}
