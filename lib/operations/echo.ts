import * as v from "valibot";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({
  text: v.pipe(v.string(), v.description("What to say")),
});

/** Answers with the text it is given, for trying out the way to an agent and back. */
export const echo: Operation<typeof parameters> = {
  name: "echo.Echo",
  description: "Prints a text and a line's end, and does nothing else",
  parameters,
  waits: true,
  acts: false,
  async *run({ text }) {
    const bytes = new TextEncoder().encode(`${text}\n`);
    for (let at = 0; at < bytes.length; at += 65_536) {
      yield {
        kind: "output",
        stream: "stdout",
        bytes: bytes.slice(at, at + 65_536),
      };
    }
    return { success: true, changed: false, data: { text } };
  },
};
