import { assertEquals } from "@std/assert";
import { parseIp } from "../../lib/base/ip.ts";

function bytes(text: string): number[] | undefined {
  const ip = parseIp(text);
  return ip && [...ip];
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

Deno.test("parseIp reads IPv4", () => {
  assertEquals(bytes("127.0.0.1"), [127, 0, 0, 1]);
  assertEquals(bytes("255.255.255.255"), [255, 255, 255, 255]);
});

Deno.test("parseIp reads IPv6 in all three forms, and leaves a zone out", () => {
  assertEquals(bytes("::"), zeros(16));
  assertEquals(bytes("::1"), [...zeros(15), 1]);
  assertEquals(bytes("2001:db8::"), [0x20, 1, 0x0d, 0xb8, ...zeros(12)]);
  assertEquals(
    bytes("1:2:3:4:5:6:7:8"),
    [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8],
  );
  assertEquals(
    bytes("::ffff:10.0.0.1"),
    [...zeros(10), 255, 255, 10, 0, 0, 1],
  );
  assertEquals(
    bytes("fe80::1%eth0"),
    [0xfe, 0x80, ...zeros(13), 1],
  );
});

Deno.test("parseIp refuses text that is almost an address", () => {
  const nearly = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "010.0.0.1",
    "1.2.3.-4",
    "1.2.3.4 ",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::9",
    "12345::",
    "g::",
    "1.2.3.4::",
    "::1.2.3.4:5",
    ":1:2:3:4:5:6:7:8",
    "[::1]",
    "localhost",
  ];
  assertEquals(nearly.filter((text) => parseIp(text) !== undefined), []);
});
