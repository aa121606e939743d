import { assertEquals, assertThrows } from "@std/assert";
import {
  limitText,
  requireExpiry,
  requireId,
  requireItems,
  requireJsonObject,
  requireRange,
  requireText,
} from "../../lib/api/checks.ts";
import { PiriError } from "../../lib/base/errors.ts";

function refusalOf(check: () => unknown): string {
  const error = assertThrows(check, PiriError);
  assertEquals(error.code, "INVALID_ARGUMENT");
  return error.message;
}

Deno.test("a required text has from 1 to 100 characters", () => {
  assertEquals(requireText("id", "x"), "x");
  assertEquals(requireText("id", "x".repeat(100)), "x".repeat(100));
  assertEquals(
    refusalOf(() => requireText("id", "")),
    'Cannot accept "id": it is empty',
  );
  assertEquals(
    refusalOf(() => requireText("id", "x".repeat(101))),
    'Cannot accept "id": it has 101 characters, and the limit is 100',
  );
});

Deno.test("an optional text may be empty", () => {
  assertEquals(limitText("requested_by", ""), "");
  assertEquals(
    refusalOf(() => limitText("requested_by", "x".repeat(101))),
    'Cannot accept "requested_by": it has 101 characters, and the limit is 100',
  );
});

Deno.test("a list has from 1 to 10,000 items", () => {
  assertEquals(requireItems("agents", ["a"]), ["a"]);
  assertEquals(
    refusalOf(() => requireItems("agents", [])),
    'Cannot accept "agents": it is empty',
  );
  assertEquals(
    refusalOf(() => requireItems("agents", new Array(10_001).fill("a"))),
    'Cannot accept "agents": it has 10001 items, and the limit is 10000',
  );
});

Deno.test("a range includes its ends", () => {
  const range = { least: 1, most: 3 };

  assertEquals(requireRange("limit", 1, range), 1);
  assertEquals(requireRange("limit", 3, range), 3);
  assertEquals(
    refusalOf(() => requireRange("limit", 0, range)),
    'Cannot accept "limit": 0 is not from 1 to 3',
  );
  assertEquals(
    refusalOf(() => requireRange("limit", 4, range)),
    'Cannot accept "limit": 4 is not from 1 to 3',
  );
});

Deno.test("an id is above 0", () => {
  assertEquals(requireId("command_id", 1n), 1n);
  assertEquals(
    refusalOf(() => requireId("command_id", 0n)),
    'Cannot accept "command_id": 0 is not an id',
  );
  assertEquals(
    refusalOf(() => requireId("command_id", -1n)),
    'Cannot accept "command_id": -1 is not an id',
  );
});

Deno.test("a token is valid for up to ten years, or for the Manager's default", () => {
  assertEquals(requireExpiry(undefined), undefined);
  assertEquals(requireExpiry(1n), 1);
  assertEquals(
    refusalOf(() => requireExpiry(0n)),
    'Cannot accept "expires_in_ms": 0 is not from 1 to 315360000000',
  );
  assertEquals(
    refusalOf(() => requireExpiry(315_360_000_001n)),
    'Cannot accept "expires_in_ms": 315360000001 is not from 1 to 315360000000',
  );
});

Deno.test("parameters are a JSON object, as it was written", () => {
  assertEquals(requireJsonObject("params", '{ "a": 1 }'), '{ "a": 1 }');
  assertEquals(requireJsonObject("params", ""), "{}");
  assertEquals(
    refusalOf(() => requireJsonObject("params", "{a:1}")),
    'Cannot accept "params": it is not JSON',
  );
  for (const text of ["[]", "null", "1", '"{}"']) {
    assertEquals(
      refusalOf(() => requireJsonObject("params", text)),
      'Cannot accept "params": it is not a JSON object',
    );
  }
});
