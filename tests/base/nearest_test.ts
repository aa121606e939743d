import { assertEquals } from "@std/assert";
import { nearest } from "../../lib/base/nearest.ts";

const names = ["command.Run", "echo.Echo", "web-1"];

Deno.test("a mistyped name is close to the one that was meant, in any case", () => {
  assertEquals(nearest("comand.run", names), "command.Run");
  assertEquals(nearest("COMMAND.RUN", names), "command.Run");
  assertEquals(nearest("wbe-1", names), "web-1");
});

Deno.test("a name that is like no other is close to none", () => {
  assertEquals(nearest("state", names), undefined);
  assertEquals(nearest("data.Show", names), undefined);
  assertEquals(nearest("", names), undefined);
  assertEquals(nearest("web-1", []), undefined);
});
