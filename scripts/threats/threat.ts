/** Test that must fail while a protection is missing. */
export interface NamedTest {
  /** Path from the root of the repository. */
  readonly file: string;
  /** Whole name of the test. */
  readonly name: string;
  /** Text of the file by which the test is found, where its name is put together; the name if absent. */
  readonly text?: string;
}

/** Protection, and the change of one file that takes it out. */
export interface Protection {
  /** Words after "removed". */
  readonly what: string;
  /** Path from the root of the repository. */
  readonly file: string;
  /** Text that is in the file exactly once. */
  readonly find: string;
  /** Text that takes its place. */
  readonly put: string;
  readonly tests: readonly NamedTest[];
}

/** Threat of docs/security.md. */
export interface Threat {
  readonly number: number;
  readonly who: string;
  readonly protections: readonly Protection[];
  /** Parts of the row that cannot be tested yet, and why. */
  readonly open: readonly string[];
}

/** A protection with one test that must fail without it. */
export function protection(
  what: string,
  [file, find, put]: readonly [file: string, find: string, put: string],
  ...tests: readonly (readonly [file: string, name: string, text?: string])[]
): Protection {
  return {
    what,
    file,
    find,
    put,
    tests: tests.map(([file, name, text]) => ({
      file,
      name,
      ...text === undefined ? {} : { text },
    })),
  };
}

/**
 * Text of a file without a protection.
 *
 * @throws {Error} if the text to replace is not in the file exactly once
 */
export function without({ file, find, put }: Protection, text: string): string {
  const count = text.split(find).length - 1;
  if (count === 1) return text.replace(find, () => put);
  throw new Error(
    `Cannot take the protection out of ${file}: the text is there ${count} times: ${find}`,
  );
}
