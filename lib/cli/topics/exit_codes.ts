import { EXIT_CODE_HELP, PRECEDENCE } from "../exit_code.ts";
import type { Topic } from "../topic.ts";

/** `help exit-codes` of both programs. */
export const exitCodes: Topic = {
  name: "exit-codes",
  summary: "the numbers that scripts may depend on",
  sections: [
    {
      title: "Exit codes",
      text: ["0 means that everything succeeded. Anything else is not 0."],
      lines: EXIT_CODE_HELP,
    },
    {
      title: "Several agents",
      text: [
        `Of the codes of all agents, the first of this order is the exit code: ${
          PRECEDENCE.join(", ")
        }.`,
      ],
    },
  ],
};
