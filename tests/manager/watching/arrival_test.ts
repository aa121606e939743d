import { assertEquals } from "@std/assert";
import type { WatchEvent } from "../../../lib/manager/api/operator_api.ts";
import type { MemoryManager } from "../../support/memory_manager.ts";
import { Noisy } from "../../support/noisy_command.ts";

/** Texts of a command's output with the times at which they came, as a watch from the beginning tells them. */
async function arrivals(
  { commands }: MemoryManager,
  id: bigint,
): Promise<(readonly [string, number | undefined])[]> {
  const from = [{ id, stdoutOffset: 0n, stderrOffset: 0n }];
  const events = commands.watch(from, new AbortController().signal);
  const told = await Array.fromAsync(events);
  return told.filter(isOutput).map(({ bytes, at }) => [
    new TextDecoder().decode(bytes),
    at,
  ]);
}

function isOutput(
  event: WatchEvent,
): event is WatchEvent & { kind: "output" } {
  return event.kind === "output";
}

Deno.test("output has the time at which it came, live as well as read back", async () => {
  await using noisy = await Noisy.start();
  const { core, id } = noisy;
  const began = core.clock.now();
  const live = arrivals(core, id);
  await noisy.prints("stdout", "one");
  await core.clock.advance(1_500);
  await noisy.prints("stdout", "two");
  await noisy.fails();

  const expected = [["one", began], ["two", began + 1_500]] as const;
  assertEquals(await live, expected.map((each) => [...each]));
  assertEquals(await arrivals(core, id), expected.map((each) => [...each]));
});
