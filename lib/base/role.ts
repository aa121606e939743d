/** Role of an operator. A viewer sees; an operator acts, too, as rules allow; an admin changes agents, operators and rules, too. */
export type Role = "viewer" | "operator" | "admin";

/** Roles from the least to the greatest. Each may all that the ones before it may. */
export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

/** True if a role may what another may. */
export function hasRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
