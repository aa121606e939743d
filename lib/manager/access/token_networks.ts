import { PiriError } from "../../base/errors.ts";
import { inNetworks, type Network, parseNetwork } from "../../base/network.ts";

/** True if all addresses of a network lie in another. */
function isPartOf(inner: Network, outer: Network): boolean {
  return inner.family === outer.family && inner.prefix >= outer.prefix &&
    inNetworks([outer], inner.address);
}

/**
 * Checks the networks of a token: that they can be read, lie in others, and have the address that asks for it.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function checkNetworks(
  cidrs: readonly string[],
  { within = [], from }: {
    /** Networks of the code; any if empty. */
    readonly within?: readonly string[];
    /** Address that the token is made for. */
    readonly from?: string;
  } = {},
): void {
  const networks = cidrs.map(parseNetwork);
  const outer = within.map(parseNetwork);
  const beyond = networks.findIndex((network) =>
    outer.length > 0 && !outer.some((each) => isPartOf(network, each))
  );
  if (beyond >= 0) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot log in: ${cidrs[beyond]} is not a part of ${
        within.join(", ")
      }, where the code is good`,
    );
  }
  if (from === undefined || networks.length === 0) return;
  if (inNetworks(networks, from)) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot log in: this address, ${from}, is not in ${cidrs.join(", ")}`,
  );
}
