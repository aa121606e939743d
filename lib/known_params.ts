import { PiriError } from "./base/errors.ts";
import { checkParams } from "./operations/params.ts";
import { operations } from "./operations/registry.ts";

/** Checks parameters early if the operation is one of this build; an agent of another build may have others. */
export function checkKnownParams(name: string, params: string): void {
  const operation = operations.find((each) => each.name === name);
  if (operation !== undefined) checkParams(operation, params);
}

/** The same for a Manager whose database is gone when it stops: it must not be the only one that knows a key. */
export function checkParamsInMemory(name: string, params: string): void {
  if (name === "agent.Rotate") {
    throw new PiriError(
      "FAILED_PRECONDITION",
      "Cannot rotate the key of an agent: this Manager forgets it when it stops; do it where its folder is, and export it again",
    );
  }
  checkKnownParams(name, params);
}
