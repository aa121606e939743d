import { WRITES } from "../../lib/manager/storage_health.ts";
import type { StoreMethod } from "../../lib/store/thread_protocol.ts";

export type { StoreMethod };

/** True if a request changes the store. */
export function isWrite(method: StoreMethod): boolean {
  return WRITES[method] === true;
}

/** True if a request only reads. */
export function isRead(method: StoreMethod): boolean {
  return WRITES[method] === false;
}
