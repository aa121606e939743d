import type { OperationEvent } from "./operation.ts";

const MAX_UINT32 = 2 ** 32 - 1;

/** Progress in bytes, scaled to fit into 32 bits. */
export function byteProgress(done: number, total: number): OperationEvent {
  const scale = Math.max(1, total / MAX_UINT32);
  return {
    kind: "progress",
    current: Math.floor(done / scale),
    total: Math.floor(total / scale),
  };
}
