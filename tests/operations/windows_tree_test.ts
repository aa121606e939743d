import { assertEquals } from "@std/assert";
import { WindowsTree } from "../../lib/operations/windows_tree.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A job of Windows with processes that end as a test says. */
class FakeJob {
  readonly asked: string[] = [];
  constructor(public running: number, readonly ends: boolean) {}
  end(): boolean {
    this.asked.push("end");
    if (this.ends) this.running = 0;
    return true;
  }
  close(): void {
    this.asked.push("close");
  }
}

/** Ends a tree, and returns its receipt. */
async function endOf(
  { job, inTree }: { job: FakeJob | undefined; inTree: number },
) {
  const clock = new FakeClock();
  using tree = new WindowsTree(17, {
    clock,
    job,
    endTree: () => Promise.resolve(inTree),
  });
  const ended = tree.end();
  await clock.advance(5_000);
  await ended;
  return tree.receipt();
}

Deno.test("a job has what the tree has lost, and is closed", async () => {
  const job = new FakeJob(3, true);

  assertEquals(await endOf({ job, inTree: 1 }), { signalled: 3, alive: [] });
  assertEquals(job.asked, ["end", "close"]);
});

Deno.test("the tree has what was started before the job", async () => {
  const job = new FakeJob(1, true);

  assertEquals(await endOf({ job, inTree: 2 }), { signalled: 2, alive: [] });
});

Deno.test("a job whose processes do not end is told as alive", async () => {
  const job = new FakeJob(1, false);

  assertEquals(await endOf({ job, inTree: 1 }), { signalled: 1, alive: [17] });
});

Deno.test("the tree alone is ended where there can be no job", async () => {
  assertEquals(await endOf({ job: undefined, inTree: 2 }), {
    signalled: 2,
    alive: [],
  });
  assertEquals(await endOf({ job: undefined, inTree: 0 }), {
    signalled: 0,
    alive: [17],
  });
});
