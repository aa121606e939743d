import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { checkToken, newToken } from "../../lib/base/operator_token.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { countingRandom } from "../support/counting_random.ts";

const MISTYPED =
  "Cannot use the token: its checksum is wrong, so it was mistyped or cut short";

/** The expression of docs/security.md, by which scanners find tokens. */
async function scannerPattern(): Promise<RegExp> {
  const page = await Deno.readTextFile(
    new URL("../../docs/security.md", import.meta.url),
  );
  return new RegExp(/`(piri_[^`]*)`/.exec(page)?.[1] ?? "none");
}

Deno.test("a new token is good, and scanners find it by the expression of the documentation", async () => {
  const pattern = await scannerPattern();
  for (const prefix of ["piri_op_", "piri_ci_"] as const) {
    const token = newToken(prefix, systemRandom);
    checkToken(token);
    assertMatch(token, pattern);
    assertEquals(pattern.exec(`x="${token}";`)?.[0], token);
  }
});

Deno.test("a token with one letter changed is mistyped, wherever it is, and is not repeated", () => {
  const token = newToken("piri_op_", countingRandom());
  for (let at = "piri_op_".length; at < token.length; at++) {
    const other = token[at] === "x" ? "y" : "x";
    const wrong = token.slice(0, at) + other + token.slice(at + 1);
    assertThrows(() => checkToken(wrong), PiriError, MISTYPED);
  }
});

Deno.test("a token that was cut short is mistyped, and one of before checksums is not", () => {
  const token = newToken("piri_ci_", countingRandom());
  const former = token.slice(0, -6);
  for (let length = "piri_ci_".length; length < token.length; length++) {
    const cut = token.slice(0, length);
    assertEquals(isTaken(cut), cut === former, cut);
  }
});

Deno.test("a text that is no token of an operator is none of these mistakes", () => {
  for (
    const text of ["", "eyJhbGciOiJub25lIn0.e30.", "ghp_x", "A".repeat(43)]
  ) {
    assertEquals(isTaken(text), true);
  }
});

function isTaken(token: string): boolean {
  try {
    checkToken(token);
    return true;
  } catch {
    return false;
  }
}
