/** Name of a plan, for people and in the parameters of commands. */
export function planName(id: bigint): string {
  return `p-${id}`;
}

/** Form of the name of a plan. */
export const PLAN_NAME_PATTERN = /^p-[1-9][0-9]{0,18}$/;

/** Time for which a plan can be applied, in milliseconds. */
export const PLAN_LIFE_MS = 86_400_000;

/** Name of the plan that the parameters of a command of state.Plan or state.Apply name; undefined for none. */
export function planIn(operation: string, params: string): string | undefined {
  if (operation !== "state.Plan" && operation !== "state.Apply") {
    return undefined;
  }
  try {
    const { plan } = JSON.parse(params) as { plan?: unknown };
    return typeof plan === "string" && PLAN_NAME_PATTERN.test(plan)
      ? plan
      : undefined;
  } catch {
    return undefined;
  }
}
