import { HOST_THREATS } from "./host_threats.ts";
import { MANAGER_THREATS } from "./manager_threats.ts";
import { OPERATOR_THREATS } from "./operator_threats.ts";
import type { Threat } from "./threat.ts";
import { UPDATE_THREATS } from "./update_threats.ts";

/** All threats of docs/security.md, in its order. */
export const THREATS: readonly Threat[] = [
  ...HOST_THREATS,
  ...OPERATOR_THREATS,
  ...MANAGER_THREATS,
  ...UPDATE_THREATS,
];
