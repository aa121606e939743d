import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { inNetworks, parseNetwork } from "../../lib/base/network.ts";

function matches(network: string, addresses: readonly string[]): boolean[] {
  const networks = [parseNetwork(network)];
  return addresses.map((address) => inNetworks(networks, address));
}

Deno.test("a network contains its first and its last address, and not their neighbours", () => {
  assertEquals(
    matches("10.1.0.0/20", [
      "10.0.255.255",
      "10.1.0.0",
      "10.1.15.255",
      "10.1.16.0",
    ]),
    [false, true, true, false],
  );
  assertEquals(
    matches("2001:db8::/33", [
      "2001:db8::",
      "2001:db8:7fff::1",
      "2001:db8:8000::",
    ]),
    [true, true, false],
  );
});

Deno.test("a network of all bits is one address, one of no bits is every address of its kind", () => {
  assertEquals(matches("10.0.0.1", ["10.0.0.1", "10.0.0.2"]), [true, false]);
  assertEquals(matches("::1", ["::1", "::2"]), [true, false]);
  assertEquals(matches("0.0.0.0/0", ["1.2.3.4", "::1"]), [true, false]);
  assertEquals(matches("::/0", ["2001:db8::1", "1.2.3.4"]), [true, false]);
});

Deno.test("an IPv4 address counts as such when a dual-stack socket reports it as IPv6", () => {
  assertEquals(
    matches("10.0.0.0/8", ["::ffff:10.1.2.3", "::ffff:11.1.2.3", "::10.1.2.3"]),
    [true, false, false],
  );
  assertEquals(matches("::ffff:10.0.0.0/104", ["10.1.2.3", "11.1.2.3"]), [
    true,
    false,
  ]);
});

Deno.test("an address lies in several networks if it lies in one of them", () => {
  const networks = ["10.0.0.0/8", "fe80::/10"].map(parseNetwork);
  assertEquals(inNetworks(networks, "fe80::1%eth0"), true);
  assertEquals(inNetworks(networks, "192.0.2.1"), false);
  assertEquals(inNetworks([], "10.0.0.1"), false);
  assertEquals(inNetworks(networks, "not an address"), false);
});

Deno.test("parseNetwork refuses a network with the reason", () => {
  const wrong: [text: string, reason: string][] = [
    ["", "it should look like 10.0.0.0/8 or 2001:db8::/32"],
    ["10.0.0/8", "it should look like 10.0.0.0/8 or 2001:db8::/32"],
    ["10.0.0.0/8/8", "it should look like 10.0.0.0/8 or 2001:db8::/32"],
    ["fe80::%eth0/10", "it should look like 10.0.0.0/8 or 2001:db8::/32"],
    ["10.0.0.0/", `"" is not a number of bits`],
    ["10.0.0.0/x", `"x" is not a number of bits`],
    ["10.0.0.0/33", "33 bits are over the limit of 32"],
    ["::/129", "129 bits are over the limit of 128"],
    [
      "10.0.0.1/8",
      "there are bits set beyond the first 8; use /32 for one address",
    ],
  ];
  for (const [text, reason] of wrong) {
    const error = assertThrows(() => parseNetwork(text), PiriError);
    assertEquals(error.message, `Cannot read the network "${text}": ${reason}`);
    assertEquals(error.code, "INVALID_ARGUMENT");
  }
});
