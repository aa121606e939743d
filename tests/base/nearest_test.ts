import { assertEquals } from "@std/assert";
import { didYouMean, nearest } from "../../lib/base/nearest.ts";

Deno.test("nearest() finds a word with a letter more, less, other or exchanged, and one that begins so", () => {
  const known = ["agents", "web-1", "command.Run", "timeout", "add"];
  const found: [typed: string, known: string][] = [
    ["agent", "agents"],
    ["agnets", "agents"],
    ["wbe-1", "web-1"],
    ["web-2", "web-1"],
    ["comand.run", "command.Run"],
    ["time", "timeout"],
    ["AD", "add"],
  ];

  assertEquals(
    found.map(([typed]) => nearest(typed, known)),
    found.map(([, name]) => name),
  );
});

Deno.test("nearest() finds none for a word that only shares some letters", () => {
  const pairs: [typed: string, known: string][] = [
    ["rm", "run"],
    ["rm", "add"],
    ["list", "add"],
    ["list", "init"],
    ["group", "op"],
    ["all", "dir"],
    ["nosuch", "lost"],
    ["timeout", "group"],
    ["a", "argv"],
    ["x", "op"],
    ["", "op"],
  ];

  assertEquals(pairs.map(([typed, known]) => nearest(typed, [known])), [
    ...pairs.map(() => undefined),
  ]);
});

Deno.test("nearest() prefers the closest", () => {
  assertEquals(nearest("stats", ["starts", "stats2", "status"]), "starts");
  assertEquals(nearest("status", ["stats", "status"]), "status");
});

Deno.test("didYouMean() tells what there is if nothing is close", () => {
  assertEquals(didYouMean("nam", ["name"], ""), 'did you mean "name"?');
  assertEquals(didYouMean("x", ["name"], "there is name"), "there is name");
});
