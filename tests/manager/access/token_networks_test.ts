import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { parseLoginLine } from "../../../lib/base/login_line.ts";
import { MemoryManager } from "../../support/memory_manager.ts";

/** Operator with a line whose code is bound to networks. */
async function invited(cidrs: readonly string[]) {
  const manager = await MemoryManager.start();
  const { access } = manager;
  const line = await access.add({
    name: "alice",
    role: "viewer",
    rules: [],
    tokenLifeMs: 86_400_000,
    cidrs,
  });
  return {
    access,
    code: parseLoginLine(line).code,
    [Symbol.asyncDispose]: () => manager[Symbol.asyncDispose](),
  };
}

for (
  const [cidr, inside, outside] of [
    ["10.0.0.0/8", "10.1.2.3", "11.0.0.1"],
    ["10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.0.0.1"],
    ["::ffff:10.0.0.0/104", "10.1.2.3", "2001:db8::1"],
    ["2001:db8::/32", "2001:db8:1::1", "2001:db9::1"],
    ["192.0.2.7", "192.0.2.7", "192.0.2.8"],
  ] as const
) {
  Deno.test(`a login with ${cidr} is good from ${inside}, and not from ${outside}`, async () => {
    await using fleet = await invited([cidr]);
    const { access, code } = fleet;

    await assertRejects(() => access.login(code, outside), PiriError, "code");
    const { token } = await access.login(code, inside);

    assertEquals(access.admit(token, inside)?.name, "alice");
    assertEquals(access.admit(token, outside), undefined);
  });
}

Deno.test("a login may bound the token more, and not less", async () => {
  await using fleet = await invited(["10.0.0.0/8"]);
  const { access, code } = fleet;
  const from = "10.1.0.1";

  for (
    const [cidrs, why] of [
      [["11.0.0.0/8"], "11.0.0.0/8 is not a part of 10.0.0.0/8"],
      [["0.0.0.0/0"], "0.0.0.0/0 is not a part of 10.0.0.0/8"],
      [["2001:db8::/32"], "2001:db8::/32 is not a part of"],
      [["10.2.0.0/16"], "this address, 10.1.0.1, is not in 10.2.0.0/16"],
      [["10.1.0.0/33"], "33 bits"],
    ] as const
  ) {
    await assertRejects(() => access.login(code, from, cidrs), PiriError, why);
  }
  const { token } = await access.login(code, from, ["10.1.0.0/16"]);

  assertEquals(access.admit(token, from)?.name, "alice");
  assertEquals(access.admit(token, "10.2.0.1"), undefined);
  assertEquals(access.list()[0]?.tokens[0]?.cidrs, ["10.1.0.0/16"]);
});

Deno.test("a network that cannot be read adds nobody", async () => {
  await assertRejects(() => invited(["10.0.0.0/8/9"]), PiriError, "network");
});
