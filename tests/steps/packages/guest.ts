// Runs in a root folder of its own. Reads requests, and answers them, as lines of JSON.
import type { Operation } from "../../../lib/operations/operation.ts";
import { checkParams } from "../../../lib/operations/params.ts";
import { stateApply } from "../../../lib/operations/state_apply.ts";
import { statePlan } from "../../../lib/operations/state_plan.ts";
import { newContext } from "../../operations/support.ts";
import { linesOf } from "./lines_of.ts";
import type { GuestAnswer, GuestRequest } from "./guest_root.ts";

for await (const line of linesOf(Deno.stdin.readable)) {
  const answer = await answerTo(JSON.parse(line)).catch((
    error,
  ): GuestAnswer => ({
    error: String(error),
    text: "",
  }));
  const bytes = new TextEncoder().encode(`${JSON.stringify(answer)}\n`);
  await Deno.stdout.write(bytes);
}

async function answerTo(request: GuestRequest): Promise<GuestAnswer> {
  if (request.kind === "run") {
    const [program = "", ...args] = request.argv;
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args,
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    if (code === 0) return { text };
    return { text, error: new TextDecoder().decode(stderr) || `code ${code}` };
  }
  const operation: Operation = request.kind === "plan" ? statePlan : stateApply;
  const context = newContext(undefined, { stepsFolder: "/run/piri-steps" });
  const { kind: _, answer, ...params } = request;
  const events = operation.run(
    checkParams(operation, JSON.stringify(params)),
    context,
  );
  let text = "";
  for (;;) {
    const { done, value } = await events.next();
    if (done) {
      const { success, message = "" } = value;
      return { text, success, message };
    }
    if (value.kind !== "output") continue;
    const piece = new TextDecoder().decode(value.bytes);
    text += piece;
    if (answer !== undefined && piece.includes(answer.text)) {
      await Deno.writeTextFile(answer.path, "\n");
    }
  }
}
