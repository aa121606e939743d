import { formatAddress } from "./base/address.ts";
import type { CoreSettings } from "./manager/core.ts";
import type { ManagerConfig } from "./manager/state/config.ts";

/** Settings of the core in a configuration. */
export function coreSettings(config: ManagerConfig): CoreSettings {
  return {
    addresses: [formatAddress(config.advertise)],
    pingIntervalMs: config.pingIntervalMs,
    keepBytes: BigInt(config.outputBytesPerCommand),
    webhooks: config.webhooks ?? [],
    drift: config.drift ?? [],
  };
}
