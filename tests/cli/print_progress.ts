// A program that shows what a program of one agent prints, on the real terminal and on a clock that it moves itself.
import { create } from "@bufbuild/protobuf";
import { CommandSchema } from "../../proto/gen/piri/control/v1/control_pb.ts";
import { LiveView } from "../../lib/cli/manager/live_view.ts";
import { systemTerminal } from "../../lib/cli/terminal.ts";
import { FakeClock } from "../support/fake_clock.ts";
// Loaded here, so that the clock need not wait for it.
import "../../lib/cli/manager/row.ts";

const clock = new FakeClock();
const terminal = systemTerminal();
const command = create(CommandSchema, { id: 1n, agent: "web-1" });
const view = new LiveView([command], {
  terminal: { ...terminal, clock },
  style: "named",
});
let offset = 0n;
for (
  const text of [
    "before\n",
    "\x1b[31mget 1%\r",
    "get 2%\x1b[0m of a text that is long\r",
    "end\n",
  ]
) {
  const bytes = new TextEncoder().encode(text);
  await view.output(command, { stream: "stdout", offset }, bytes, 0);
  offset += BigInt(bytes.length);
  await clock.advance(200);
}
await view.close([command]);
