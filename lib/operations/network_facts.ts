/** Most interfaces that are named: a host of containers has hundreds. */
const MAX_INTERFACES = 32;

/** Address of an interface. */
export type InterfaceAddress = Pick<
  Deno.NetworkInterfaceInfo,
  "name" | "family" | "address"
>;

/** Tables of routes of Linux; empty elsewhere. */
export interface RouteTables {
  /** Text of /proc/net/route. */
  readonly ipv4: string;
  /** Text of /proc/net/ipv6_route. */
  readonly ipv6: string;
}

/**
 * Names of the interfaces, and the main address of each family: that of the interface of the default route, or else the
 * first one.
 */
export function networkFacts(
  addresses: readonly InterfaceAddress[],
  routes: RouteTables,
): Readonly<Record<string, string>> {
  const own = addresses.filter(({ name, address }) =>
    !/^lo\d*$/.test(name) && address !== "127.0.0.1" && address !== "::1"
  );
  const names = [...new Set(own.map(({ name }) => name))].toSorted();
  const mainOf = (family: "IPv4" | "IPv6", route: string | undefined) => {
    const usable = own.filter((each) =>
      each.family === family && !isLocalToLink(each.address)
    );
    const main = usable.find(({ name }) => name === route) ?? usable[0];
    return main?.address;
  };
  const ipv4 = mainOf("IPv4", defaultOf(routes.ipv4));
  const ipv6 = mainOf("IPv6", defaultOf6(routes.ipv6));
  return {
    ...ipv4 === undefined ? {} : { ipv4 },
    ...ipv6 === undefined ? {} : { ipv6 },
    ...names.length === 0
      ? {}
      : { interfaces: names.slice(0, MAX_INTERFACES).join(",") },
  };
}

/** Interface of the default route that counts. */
function defaultOf(table: string): string | undefined {
  return leastOf(
    table.split("\n").slice(1).flatMap((line) => {
      const [name = "", to, , , , , metric, mask] = line.trim().split(/\s+/);
      return to === NONE && mask === NONE
        ? [{ name, metric: Number(metric) }]
        : [];
    }),
  );
}

function defaultOf6(table: string): string | undefined {
  return leastOf(
    table.split("\n").flatMap((line) => {
      const words = line.trim().split(/\s+/);
      const [to, length, , , , metric = ""] = words;
      const name = words.at(-1) ?? "";
      return to === NONE.repeat(4) && length === "00" && name !== "lo"
        ? [{ name, metric: parseInt(metric, 16) }]
        : [];
    }),
  );
}

const NONE = "00000000";

function leastOf(
  routes: readonly { readonly name: string; readonly metric: number }[],
): string | undefined {
  return routes.toSorted((one, other) => one.metric - other.metric)[0]?.name;
}

/** True for an address that means nothing beyond its own wire. */
function isLocalToLink(address: string): boolean {
  return /^fe[89ab]/i.test(address) || address.startsWith("169.254.");
}
