import { assert, assertEquals } from "@std/assert";
import { hostFacts } from "../../lib/operations/host_facts.ts";
import {
  type InterfaceAddress,
  networkFacts,
} from "../../lib/operations/network_facts.ts";
import {
  fqdnOf,
  initOf,
  packagesOf,
  type SystemFiles,
  timezoneOf,
} from "../../lib/operations/system_facts.ts";

/** Files of a system in memory; a link is an arrow and its target. */
function systemWith(files: Readonly<Record<string, string>>): SystemFiles {
  return {
    text: (path) => Promise.resolve(files[path] ?? ""),
    isThere: (path) => Promise.resolve(files[path] !== undefined),
    target: (path) => Promise.resolve(files[path]?.replace(/^-> /, "")),
  };
}

Deno.test("the whole name of a host is its own, or the one of its hosts file", () => {
  const table: [hostname: string, hosts: string, fqdn: string][] = [
    ["web-1.lan", "10.0.0.1 web-1.other web-1.lan", "web-1.lan"],
    ["web-1", "127.0.1.1 web-1.lan web-1 # x web-1.no", "web-1.lan"],
    ["WEB-1", "10.0.0.1\tweb-1  Web-1.lan", "Web-1.lan"],
    ["web-1", "10.0.0.1 web-10.lan web-1", "web-1"],
    ["web-1", "# 10.0.0.1 web-1.lan web-1", "web-1"],
    ["web-1", "127.0.0.1 web-1.localdomain web-1", "web-1"],
    ["web-1", "", "web-1"],
  ];

  assertEquals(
    table.map(([hostname, hosts]) => fqdnOf(hostname, hosts)),
    table.map(([, , fqdn]) => fqdn),
  );
});

Deno.test("the program that starts services is known by its own marks", async () => {
  const found = await Promise.all([
    initOf("linux", systemWith({ "/run/systemd/system": "" })),
    initOf("linux", systemWith({ "/run/openrc": "", "/proc/1/comm": "init" })),
    initOf("linux", systemWith({ "/proc/1/comm": "init\n" })),
    initOf("linux", systemWith({ "/proc/1/comm": "sleep\n" })),
    initOf("darwin", systemWith({})),
    initOf("windows", systemWith({})),
  ]);

  assertEquals(found, [
    "systemd",
    "openrc",
    "init",
    "none",
    "launchd",
    "windows",
  ]);
});

Deno.test("the package manager is the first one whose program is there", async () => {
  const found = await Promise.all([
    packagesOf(systemWith({ "/usr/bin/yum": "", "/usr/bin/dnf": "" })),
    packagesOf(systemWith({ "/sbin/apk": "" })),
    packagesOf(systemWith({})),
  ]);

  assertEquals(found, ["dnf", "apk", undefined]);
});

Deno.test("the time zone is that of the link, or of the file beside it", async () => {
  const found = await Promise.all([
    timezoneOf(
      systemWith({
        "/etc/localtime": "-> ../usr/share/zoneinfo/Europe/Berlin",
      }),
    ),
    timezoneOf(
      systemWith({ "/etc/localtime": "-> /var/db/timezone/zoneinfo/UTC" }),
    ),
    timezoneOf(systemWith({ "/etc/timezone": "Etc/UTC\n" })),
    timezoneOf(systemWith({ "/etc/timezone": "<script>\n" })),
    timezoneOf(systemWith({})),
  ]);

  assertEquals(found, [
    "Europe/Berlin",
    "UTC",
    "Etc/UTC",
    undefined,
    undefined,
  ]);
});

const V4 = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n";
const NO_ROUTES = { ipv4: "", ipv6: "" };

function at(name: string, ...addresses: string[]): InterfaceAddress[] {
  return addresses.map((address) => ({
    name,
    address,
    family: address.includes(":") ? "IPv6" as const : "IPv4" as const,
  }));
}

Deno.test("the main address is that of the default route with the least metric", () => {
  const addresses = [
    ...at("lo", "127.0.0.1", "::1"),
    ...at("docker0", "172.17.0.1", "fe80::1"),
    ...at("eth0", "10.0.0.5", "fe80::2", "2001:db8::5"),
    ...at("wlan0", "10.0.1.5"),
  ];
  const routes = {
    ipv4: `${V4}docker0\t000011AC\t0\t1\t0\t0\t0\t0000FFFF
wlan0\t00000000\t0100000A\t3\t0\t0\t600\t00000000
eth0\t00000000\t0100000A\t3\t0\t0\t100\t00000000\n`,
    ipv6: `${"0".repeat(32)} 00 ${"0".repeat(32)} 00 fe80 00000400 0 0 3 eth0
${"0".repeat(32)} 00 ${"0".repeat(32)} 00 0 00000001 0 0 200 lo\n`,
  };

  assertEquals(networkFacts(addresses, routes), {
    ipv4: "10.0.0.5",
    ipv6: "2001:db8::5",
    interfaces: "docker0,eth0,wlan0",
  });
});

Deno.test("the first address that means something beyond its wire counts if there are no routes", () => {
  const addresses = [
    ...at("eth0", "169.254.1.1", "fe80::2"),
    ...at("eth1", "10.0.0.5"),
  ];

  assertEquals(networkFacts(addresses, NO_ROUTES), {
    ipv4: "10.0.0.5",
    interfaces: "eth0,eth1",
  });
  assertEquals(networkFacts(at("lo", "127.0.0.1"), NO_ROUTES), {});
  assertEquals(networkFacts([], { ipv4: "broken\n\n", ipv6: "x" }), {});
});

Deno.test("some of hundreds of interfaces are named", () => {
  const many = Array.from(
    { length: 500 },
    (_, index) => at(`veth${index}`, `10.0.${index % 256}.1`),
  ).flat();

  const { interfaces = "" } = networkFacts(many, NO_ROUTES);

  assertEquals(interfaces.split(",").length, 32);
});

Deno.test("the facts of a host are texts of one line without blanks at their ends", async () => {
  const facts = await hostFacts();

  for (const [name, value] of Object.entries(facts)) {
    assert(value !== "" && value === value.trim(), name);
    assert(!value.includes("\n"), name);
  }
});
