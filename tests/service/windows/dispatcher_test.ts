import { assertEquals } from "@std/assert";
import {
  REQUESTS,
  StatusWriter,
} from "../../../lib/service/windows/dispatcher.ts";
import { RESTART_CODE } from "../../../lib/service/windows/services.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const STOPPED = 1;
const START_PENDING = 2;
const STOP_PENDING = 3;
const RUNNING = 4;

/** A writer, and what Windows was told: state, accepted requests, two exit codes, and the checkpoint. */
function writer() {
  const clock = new FakeClock();
  const told: string[] = [];
  const status = new StatusWriter((bytes) => {
    const [type, state, accepted, code, ownCode, checkpoint, hint] =
      new Uint32Array(bytes.buffer);
    assertEquals([type, (hint ?? 0) > 0], [0x10, (checkpoint ?? 0) > 0]);
    told.push([state, accepted, code, ownCode, checkpoint].join(" "));
  }, clock);
  return { clock, told, status };
}

Deno.test("a start that takes long is told again and again, until the service runs", async () => {
  const { clock, told, status } = writer();
  status.tell(START_PENDING);
  await clock.advance(4_500);
  status.tell(RUNNING);
  await clock.advance(60_000);

  assertEquals(told, ["2 0 0 0 1", "2 0 0 0 2", "2 0 0 0 3", "4 265 0 0 0"]);
});

Deno.test("a service that ends accepts nothing, does not run again, and says its exit code once", async () => {
  const { clock, told, status } = writer();
  status.tell(RUNNING);
  status.tell(STOP_PENDING);
  status.tell(RUNNING);
  status.tell(STOP_PENDING);
  await clock.advance(2_500);
  status.tell(STOPPED, 75);
  status.tell(STOPPED, 0);
  await clock.advance(60_000);

  assertEquals(told, [
    "4 265 0 0 0",
    "3 0 0 0 1",
    "3 0 0 0 2",
    "1 0 1066 75 0",
  ]);
});

Deno.test("a clean end has no exit code of its own", () => {
  const { told, status } = writer();
  status.tell(STOPPED);

  assertEquals(told, ["1 0 0 0 0"]);
});

Deno.test("the code that asks for a restart is one that the service knows", () => {
  assertEquals(REQUESTS.get(RESTART_CODE), "restart");
});
