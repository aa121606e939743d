import { assertEquals } from "@std/assert";
import {
  EXIT_CODE_HELP,
  ExitCode,
  exitCodeOf,
  PRECEDENCE,
  worst,
} from "../../lib/cli/exit_code.ts";

Deno.test("exit codes are the numbers that scripts know", () => {
  assertEquals(ExitCode, {
    ok: 0,
    failed: 1,
    usage: 2,
    unavailable: 3,
    refused: 4,
    notFound: 5,
    timedOut: 6,
    cancelled: 7,
    lost: 8,
    stopped: 9,
    wouldChange: 10,
    left: 130,
  });
});

Deno.test("every exit code has an explanation and a place in the order", () => {
  const all = Object.values(ExitCode);

  assertEquals(EXIT_CODE_HELP.map(([code]) => Number(code)), all);
  // Who stops waiting knows no ends to choose from, and a plan that would change something is none.
  assertEquals(
    [...PRECEDENCE, ExitCode.ok, ExitCode.wouldChange, ExitCode.left]
      .toSorted((one, other) => one - other),
    all,
  );
});

Deno.test("worst() picks the most serious code", () => {
  const worstOf: number[] = [];
  const codes: ExitCode[] = [0, 1, 3, 7, 4, 6, 9, 8];
  for (let count = 0; count <= codes.length; count++) {
    worstOf.push(worst(codes.slice(0, count)));
  }

  assertEquals(worstOf, [0, 0, 1, 3, 7, 4, 6, 9, 8]);
});

Deno.test("exitCodeOf() has a number for each code of an error", () => {
  assertEquals(exitCodeOf("NOT_FOUND"), 5);
});
