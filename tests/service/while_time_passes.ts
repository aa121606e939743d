import type { FakeClock } from "../support/fake_clock.ts";

/** Lets time pass until work has ended that also reads files. */
export async function whileTimePasses<T>(
  clock: FakeClock,
  work: Promise<T>,
): Promise<T> {
  let isOver = false;
  const watched = work.finally(() => isOver = true);
  while (!isOver) {
    await new Promise((resolve) => setTimeout(resolve, 0));
    await clock.advance(500);
  }
  return await watched;
}
