import type { Topic } from "../../topic.ts";

/** `help output`. */
export const output: Topic = {
  name: "output",
  summary: "the form in which output of programs is shown",
  sections: [
    {
      title: "On a terminal",
      text: [
        "The output of one agent is shown as it comes. Characters that could steer your terminal are spelled out, as \\x1b; colours are kept. --raw prints the exact bytes.",
        "Of several agents, a row counts how far they are. At the end, agents that ended alike and printed the same are one block. --stream prints lines as they come, each with the name of its agent. States and failures go to standard error, output to standard output.",
      ],
    },
    {
      title: "In scripts",
      text: [
        "If standard output is no terminal, one agent that is given by its name prints its exact bytes and nothing else. There are no colours, and nothing is redrawn.",
      ],
      lines: [
        ["--json", 'one object a line ("help json")'],
        [
          "--color never",
          "no colours on a terminal; so does the variable NO_COLOR",
        ],
      ],
    },
    {
      title: "Times",
      text: [
        "Times are local, and relative on a terminal. --utc prints them in UTC. JSON has UTC always.",
      ],
    },
  ],
};
