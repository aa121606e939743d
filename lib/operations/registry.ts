import type { BlobName } from "../base/blob.ts";
import { PiriError } from "../base/errors.ts";
import { Limits } from "../base/limits.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Operation } from "./operation.ts";
import { plainOperations } from "./plain_operations.ts";
import { stepOperations } from "../steps/registry.ts";
import {
  checkParams,
  describeParameters,
  type ParameterDescription,
} from "./params.ts";
import { asOperation } from "./step_operation.ts";
import { stateApply } from "./state_apply.ts";
import { stateForgive, stateOwed } from "./state_owed.ts";
import { statePlan } from "./state_plan.ts";

/** Choice of operations. */
export interface RegistryOptions {
  /** True if operations for tests are included. */
  readonly allowTestOperations: boolean;
}

/** Operation, described for people. */
export interface OperationDescription {
  readonly name: string;
  readonly description: string;
  /** True if the agent's config must allow it. */
  readonly forTests: boolean;
  readonly parameters: readonly ParameterDescription[];
}

/** Operations that are no steps, or whose form outside of states is older than that of the step. */
const own: readonly Operation[] = [
  ...plainOperations,
  stateApply,
  stateForgive,
  stateOwed,
  statePlan,
];

/** All operations of this build. A new operation is a new file, and a line in the list of plain ones or of steps. */
export const operations: readonly Operation[] = [
  ...own,
  ...stepOperations
    .filter(({ name }) => own.every((each) => each.name !== name))
    .map(asOperation),
].toSorted((one, other) => one.name < other.name ? -1 : 1);

/**
 * Finds an operation by its name.
 *
 * @throws {PiriError} NOT_FOUND, with a name that is close as a hint.
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
  const names = known.map(({ name }) => name);
  throw new PiriError(
    "NOT_FOUND",
    `Cannot run "${name}": this agent has no such operation, ${
      didYouMean(name, names, `it has ${names.join(", ")}`)
    }`,
  );
}

/** True if an operation of this name only waits: see `Operation.waits`. */
export function onlyWaits(name: string): boolean {
  return operations.find((each) => each.name === name)?.waits === true;
}

/** Blobs of the Manager that parameters name. None if the operation or the parameters are of another build. */
export function blobsOf(name: string, params: string): readonly BlobName[] {
  const operation = operations.find((each) => each.name === name);
  if (operation?.blobs === undefined) return [];
  try {
    return operation.blobs(checkParams(operation, params));
  } catch {
    return [];
  }
}

/** Names of secrets that parameters name. None if the operation or the parameters are of another build. */
export function secretsOf(name: string, params: string): readonly string[] {
  const operation = operations.find((each) => each.name === name);
  if (operation?.secrets === undefined) return [];
  try {
    return operation.secrets(checkParams(operation, params));
  } catch {
    return [];
  }
}

/** Describes all operations for people. */
export function describeOperations(): OperationDescription[] {
  return operations.map((operation) => ({
    name: operation.name,
    description: operation.description,
    forTests: operation.forTests ?? false,
    parameters: describeParameters(operation),
  }));
}

/** Names of the operations that an agent with these options has. */
export function operationNames(
  { allowTestOperations }: RegistryOptions,
): string[] {
  return operations
    .filter(({ forTests }) => allowTestOperations || !forTests)
    .map(({ name }) => name);
}
