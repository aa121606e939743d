import { closestString } from "@std/text/closest-string";
import { PiriError } from "../base/errors.ts";
import { Limits } from "../base/limits.ts";
import { commandRun } from "./command_run.ts";
import { echo } from "./echo.ts";
import { fileFetch } from "./file_fetch.ts";
import { fileInstalled } from "./file_installed.ts";
import type { Operation } from "./operation.ts";
import { describeParameters, type ParameterDescription } from "./params.ts";
import { testSleep } from "./test_sleep.ts";
import { testSpin } from "./test_spin.ts";

/** Which operations are there. */
export interface RegistryOptions {
  /** Those that exist for tests, too. */
  readonly allowTestOperations: boolean;
}

/** An operation, for people. */
export interface OperationDescription {
  readonly name: string;
  readonly description: string;
  /** Only where the agent's config allows it. */
  readonly forTests: boolean;
  readonly parameters: readonly ParameterDescription[];
}

/** Every operation of this build. Adding one is a file and a line. */
export const operations: readonly Operation[] = [
  commandRun,
  echo,
  fileFetch,
  fileInstalled,
  testSleep,
  testSpin,
];

/**
 * The operation of this name.
 *
 * @throws {PiriError} NOT_FOUND, with the nearest name as a hint.
 */
export function operationNamed(
  name: string,
  { allowTestOperations }: RegistryOptions,
): Operation {
  const known = operations.filter((operation) =>
    allowTestOperations || !operation.forTests
  );
  const found = known.find((operation) => operation.name === name);
  if (found !== undefined) return found;
  if (name.length > Limits.word) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot run "${
        name.slice(0, Limits.word)
      }…": the ${name.length} characters of its name are over the limit of ${Limits.word}`,
    );
  }
  const nearest = closestString(name, known.map(({ name }) => name));
  throw new PiriError(
    "NOT_FOUND",
    `Cannot run "${name}": this agent has no such operation, did you mean "${nearest}"?`,
  );
}

/** All operations, for people. */
export function describeOperations(): OperationDescription[] {
  return operations.map((operation) => ({
    name: operation.name,
    description: operation.description,
    forTests: operation.forTests ?? false,
    parameters: describeParameters(operation),
  }));
}

/** The names of the operations that such an agent has. */
export function operationNames(
  { allowTestOperations }: RegistryOptions,
): string[] {
  return operations
    .filter(({ forTests }) => allowTestOperations || !forTests)
    .map(({ name }) => name);
}
