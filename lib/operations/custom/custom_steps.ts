import { PiriError } from "../../base/errors.ts";
import { mayRunPrograms } from "../../base/permissions.ts";
import type { SheetModule } from "../../steps/sheet.ts";
import type { StepOperation } from "../../steps/step_operation.ts";
import type { OperationContext } from "../operation.ts";
import { findUser, groupsOf } from "../user.ts";
import type { PrintForStep } from "./calls.ts";
import type { CallsUser } from "./calls_process.ts";
import { openModuleFolder } from "./module_folder.ts";
import { describedOperation, RunningModules } from "./running_modules.ts";

/** Custom operations of a run. */
export interface CustomSteps extends AsyncDisposable {
  readonly operations: readonly StepOperation[];
}

/** Means of custom operations. */
export interface CustomStepsOptions {
  readonly context: OperationContext;
  readonly print: PrintForStep;
}

/** Operations of modules as a run knows them before it begins. */
export function customOperationsOf(
  modules: readonly SheetModule[] = [],
): StepOperation[] {
  const early = () => Promise.reject(new TypeError("the run has not begun"));
  return modules.flatMap((module) =>
    module.operations.map((operation) => ({
      ...describedOperation(module, operation),
      check: early,
      change: early,
    }))
  );
}

/**
 * Gets custom operations ready. Their process starts with the first call.
 *
 * @throws {PiriError} REFUSED if this agent does not take them; UNSUPPORTED; CORRUPT, DISK
 */
export async function openCustomSteps(
  modules: readonly SheetModule[],
  { context, print }: CustomStepsOptions,
): Promise<CustomSteps> {
  if (modules.length === 0) {
    return { operations: [], [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  requireAllowed(modules, context);
  const { customOperations, modulesFolder } = context.surroundings;
  const user = await userOf(customOperations?.runAs);
  const folder = await openModuleFolder(modules, {
    kept: user === undefined ? modulesFolder : undefined,
    source: context,
  });
  return new RunningModules(modules, { context, print, user, folder });
}

/** @throws {PiriError} REFUSED, UNSUPPORTED */
function requireAllowed(
  modules: readonly SheetModule[],
  { guard, surroundings }: OperationContext,
): void {
  if (!mayRunPrograms()) {
    throw new PiriError(
      "REFUSED",
      "Cannot run custom operations: this agent is piri-agent-observe, which starts no programs",
    );
  }
  if (!guard.allowsPrograms) {
    throw new PiriError(
      "REFUSED",
      "Cannot run custom operations: this agent's policy has rules, and steps may run no programs by them",
    );
  }
  const { allow = "all" } = surroundings.customOperations ?? {};
  if (allow === "all") return;
  const refused = modules.find(({ name }) =>
    allow === "none" || !allow.includes(name)
  );
  if (refused === undefined) return;
  throw new PiriError(
    "REFUSED",
    `Cannot run operations of "${refused.name}": "customOperations" in this agent's agent.yaml allows ${
      allow === "none" || allow.length === 0 ? "none" : allow.join(", ")
    }`,
  );
}

/** User that custom operations run as; undefined if it is the agent's own. */
async function userOf(
  name: string | undefined,
): Promise<CallsUser | undefined> {
  if (name === undefined) return undefined;
  const user = await findUser(name);
  const { name: login, uid } = user;
  if (uid === Deno.uid()) return undefined;
  if (Deno.uid() !== 0) {
    throw new PiriError(
      "NOT_STARTED",
      `Cannot run custom operations as "${login}": the agent does not run as root`,
    );
  }
  return { ...user, groups: await groupsOf(user) };
}
