import { assertEquals, assertThrows } from "@std/assert";
import {
  formatAddress,
  isWildcard,
  parseAddress,
} from "../../lib/base/address.ts";
import { PiriError } from "../../lib/base/errors.ts";

Deno.test("parseAddress reads names, IPv4 and IPv6 in brackets, with a port or without", () => {
  assertEquals(parseAddress("mgr.example.org:80"), {
    host: "mgr.example.org",
    port: 80,
  });
  assertEquals(parseAddress("mgr"), { host: "mgr", port: 7051 });
  assertEquals(parseAddress("10.0.0.1:1"), { host: "10.0.0.1", port: 1 });
  assertEquals(parseAddress("[::1]:65535"), { host: "::1", port: 65_535 });
  assertEquals(parseAddress("[::]"), { host: "::", port: 7051 });
});

Deno.test("parseAddress says what is wrong", () => {
  const wrong: [text: string, reason: string][] = [
    ["::1", "an IPv6 address is written in brackets, as [::1]:7051"],
    [":7051", "the host is missing"],
    ["a:b", "it should look like mgr.example.org:7051"],
    ["a:70000", "port 70000 is not in 1 to 65535"],
    ["a:0", "port 0 is not in 1 to 65535"],
    ["[10.0.0.1]:1", `"10.0.0.1" is not an IPv6 address`],
    ["10.0.0.300:1", `"10.0.0.300" is neither a host name nor an IP address`],
    ["-a:1", `"-a" is neither a host name nor an IP address`],
    ["https://a:1", `"https" is not a known scheme; known schemes: tls`],
    ["ws://x", `"ws" is not a known scheme; known schemes: tls`],
    ["tls:a:1", "it should look like mgr.example.org:7051"],
    ["tls://", "the host is missing"],
    ["tls://a:1/", "it should look like mgr.example.org:7051"],
    ["tls://tls://a:1", "it should look like mgr.example.org:7051"],
    ["tls://a:0", "port 0 is not in 1 to 65535"],
    ["tls://::1", "an IPv6 address is written in brackets, as [::1]:7051"],
    ["://a:1", "it should look like mgr.example.org:7051"],
  ];
  for (const [text, reason] of wrong) {
    const error = assertThrows(() => parseAddress(text), PiriError);
    assertEquals(error.message, `Cannot read the address "${text}": ${reason}`);
    assertEquals(error.code, "INVALID_ARGUMENT");
  }
});

Deno.test("an address with the scheme tls is the one without, and is printed without", () => {
  for (const text of ["mgr.example.org:80", "mgr", "10.0.0.1:1", "[::1]:9"]) {
    assertEquals(parseAddress(`tls://${text}`), parseAddress(text));
    assertEquals(parseAddress(`TLS://${text}`), parseAddress(text));
  }
  assertEquals(formatAddress(parseAddress("tls://[::1]")), "[::1]:7051");
  assertEquals(parseAddress("tls://a:0", { lowestPort: 0 }).port, 0);
});

Deno.test("parseAddress takes port 0 where any free port makes sense", () => {
  assertEquals(parseAddress("127.0.0.1:0", { lowestPort: 0 }).port, 0);
});

Deno.test("formatAddress writes what parseAddress reads", () => {
  for (const text of ["mgr.example.org:80", "10.0.0.1:1", "[fe80::1]:7051"]) {
    assertEquals(formatAddress(parseAddress(text)), text);
  }
});

Deno.test("isWildcard knows the hosts that stand for all addresses", () => {
  assertEquals(["0.0.0.0", "::"].map(isWildcard), [true, true]);
  assertEquals(["127.0.0.1", "::1", "mgr"].map(isWildcard), [
    false,
    false,
    false,
  ]);
});
