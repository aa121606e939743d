import { assert, assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  encodeJoinToken,
  type JoinToken,
  parseJoinToken,
} from "../../lib/base/join_token.ts";
import { newSecret } from "../../lib/base/secret.ts";
import { countingRandom } from "../support/counting_random.ts";

const token: JoinToken = {
  name: "web-1",
  addresses: ["mgr.example.org:7051", "[2001:db8::1]:7051"],
  serverName: "0011223344556677.piri.internal",
  caCertificate: new Uint8Array(400).fill(0xfb),
  secret: newSecret(countingRandom()),
};

Deno.test("a join token is one line without blanks that reads back the same", () => {
  const line = encodeJoinToken(token);
  assert(/^piri1-[A-Za-z0-9_-]+$/.test(line));
  assertEquals(parseJoinToken(line), token);
});

Deno.test("a join token survives line breaks and spaces from a terminal or a mail", () => {
  const line = encodeJoinToken(token);
  const wrapped = line.replaceAll(/(.{76})/g, "$1\r\n  ");
  assertEquals(parseJoinToken(`  ${wrapped}\n`), token);
});

Deno.test("a join token that was cut short anywhere is refused", () => {
  const line = encodeJoinToken(token);
  for (let length = 0; length < line.length; length++) {
    assertThrows(
      () => parseJoinToken(line.slice(0, length)),
      PiriError,
      "Cannot read the join token: ",
    );
  }
});

Deno.test("a join token with one letter changed is refused, and the message does not repeat it", () => {
  const line = encodeJoinToken(token);
  const changed = line.slice(0, 200) + (line[200] === "A" ? "B" : "A") +
    line.slice(201);
  const error = assertThrows(() => parseJoinToken(changed), PiriError);
  assertEquals(
    error.message,
    "Cannot read the join token: its checksum is wrong, so it was cut short or mistyped",
  );
});

Deno.test("a join token of a later version is refused with its version", () => {
  assertThrows(
    () => parseJoinToken(encodeJoinToken(token).replace("piri1", "piri3")),
    PiriError,
    "it is of version 3, and this build reads version 1",
  );
});

Deno.test("text that is no join token is refused as such", () => {
  assertThrows(
    () => parseJoinToken("hunter2"),
    PiriError,
    `it does not begin with "piri1-"`,
  );
});

Deno.test("addresses of a join token may have the scheme tls, and no other", () => {
  const line = encodeJoinToken({
    ...token,
    addresses: token.addresses.map((address) => `tls://${address}`),
  });
  assertEquals(parseJoinToken(line), token);

  const error = assertThrows(
    () =>
      parseJoinToken(
        encodeJoinToken({ ...token, addresses: ["mgr:7051", "ws://mgr:7051"] }),
      ),
    PiriError,
  );
  assertEquals(
    error.message,
    `Cannot read the join token: its addresses.1 is wrong: "ws" is not a known scheme; known schemes: tls`,
  );
  assertEquals(error.code, "INVALID_ARGUMENT");
});

Deno.test("a join token whose content makes no sense is refused by the part that is wrong", () => {
  const wrong: [token: JoinToken, part: string][] = [
    [{ ...token, name: "../x" }, "name"],
    [{ ...token, addresses: [] }, "addresses"],
    [{ ...token, addresses: ["a:b:c"] }, "addresses.0"],
    [{ ...token, secret: "short" }, "secret"],
    [{ ...token, caCertificate: new Uint8Array() }, "ca"],
  ];
  for (const [content, part] of wrong) {
    assertThrows(
      () => parseJoinToken(encodeJoinToken(content)),
      PiriError,
      `Cannot read the join token: its ${part} is wrong`,
    );
  }
});
