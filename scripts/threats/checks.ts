import type { SourceCopy } from "./copy.ts";
import { runNamed, type TestEnd } from "./run_named.ts";
import type { NamedTest, Protection } from "./threat.ts";

/** Finding of a test of a protection. */
export interface Finding {
  readonly test: NamedTest;
  /** Sentence if it ended otherwise than it must. */
  readonly wrong: string | undefined;
  /** Output of the test that ended so. */
  readonly output: string;
}

/** Words for a test that did not end as it must. */
const WRONG: Readonly<Record<TestEnd["kind"], string>> = {
  passed: "still passes",
  failed: "fails although nothing was removed",
  broken: "did not run to its end",
};

/** Checks of protections, in copies of the sources that work side by side. */
export class Checks {
  readonly #idle: SourceCopy[];
  readonly #waiting: ((copy: SourceCopy) => void)[] = [];
  readonly #wholes = new Map<string, Promise<ReadonlyMap<string, TestEnd>>>();

  constructor(
    copies: readonly SourceCopy[],
    protections: readonly Protection[],
  ) {
    this.#idle = [...copies];
    // Once a file, not once a protection: starting a test takes longer than most tests.
    const tests = protections.flatMap(({ tests }) => tests);
    for (const [file, names] of byFile(tests)) {
      this.#wholes.set(
        file,
        this.#withCopy(({ path }) => endsOf(path, file, names)),
      );
    }
  }

  /** Finds how each test of a protection ends, with and without it. */
  async check(protection: Protection): Promise<Finding[]> {
    const ends = await this.#withCopy(async (copy) => {
      await using _without = await copy.takeOut(protection);
      const found = new Map<string, ReadonlyMap<string, TestEnd>>();
      for (const [file, names] of byFile(protection.tests)) {
        found.set(file, await endsOf(copy.path, file, names));
      }
      return found;
    });
    return await Promise.all(protection.tests.map(async (test) => {
      const { file, name } = test;
      const whole = (await this.#wholes.get(file))?.get(name);
      const end = ends.get(file)?.get(name);
      if (whole === undefined || end === undefined) {
        throw new TypeError(`the test "${name}" was not run`);
      }
      return findingOf(protection, { test, whole, end });
    }));
  }

  async #withCopy<Value>(
    work: (copy: SourceCopy) => Promise<Value>,
  ): Promise<Value> {
    const copy = this.#idle.pop() ?? await this.#nextIdle();
    try {
      return await work(copy);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(copy);
      else next(copy);
    }
  }

  #nextIdle(): Promise<SourceCopy> {
    const { promise, resolve } = Promise.withResolvers<SourceCopy>();
    this.#waiting.push(resolve);
    return promise;
  }
}

/** Names of tests by the file they are in, each once. */
export function byFile(
  tests: readonly NamedTest[],
): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, Set<string>>();
  for (const { file, name } of tests) {
    const names = files.get(file) ?? new Set();
    files.set(file, names.add(name));
  }
  return new Map([...files].map(([file, names]) => [file, [...names]]));
}

/** Judges how a test ended with and without a protection. */
export function findingOf(
  { what }: Pick<Protection, "what">,
  { test, whole, end }: {
    readonly test: NamedTest;
    readonly whole: TestEnd;
    readonly end: TestEnd;
  },
): Finding {
  const { name } = test;
  if (whole.kind !== "passed") {
    const wrong = `test "${name}" ${WRONG[whole.kind]}`;
    return { test, wrong, output: whole.output };
  }
  const wrong = end.kind === "failed"
    ? undefined
    : `removed ${what}: test "${name}" ${WRONG[end.kind]}`;
  return { test, wrong, output: end.output };
}

async function endsOf(
  dir: string,
  file: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, TestEnd>> {
  const ends = await runNamed(dir, { file, names });
  return new Map(ends.map((end, at) => [names[at] ?? "", end]));
}
