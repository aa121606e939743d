import { PiriError } from "./base/errors.ts";
import { checkParams } from "./operations/params.ts";
import { operations } from "./operations/registry.ts";
import { unlimitedOperations } from "./operations/unlimited_operations.ts";

/** Knowledge of a Manager about the operations of this build. An agent of another build may have others. */
export interface KnownOperations {
  /** Names of the operations by which anything can be run on a host. */
  readonly unlimitedOperations: readonly string[];
  /**
   * Checks parameters early.
   *
   * @throws {PiriError} INVALID_ARGUMENT, FAILED_PRECONDITION
   */
  checkParams(name: string, params: string): void;
}

/** Tells a Manager about operations, one whose database is gone when it stops or another. */
export function knownOperations(
  { inMemory }: { readonly inMemory: boolean },
): KnownOperations {
  return {
    unlimitedOperations,
    checkParams: inMemory ? checkParamsInMemory : checkKnownParams,
  };
}

function checkKnownParams(name: string, params: string): void {
  const operation = operations.find((each) => each.name === name);
  if (operation !== undefined) checkParams(operation, params);
}

/** The same for a Manager whose database is gone when it stops: it must not be the only one that knows a key. */
function checkParamsInMemory(name: string, params: string): void {
  if (name === "agent.Rotate") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot rotate the key of an agent: this Manager forgets it when it stops; do it where its folder is, and export it again",
    );
  }
  checkKnownParams(name, params);
}
