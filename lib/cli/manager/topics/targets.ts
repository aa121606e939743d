import type { Topic } from "../../topic.ts";

/** `help targets`. */
export const targets: Topic = {
  name: "targets",
  summary: "expressions that choose agents",
  sections: [
    {
      title: "Target expressions",
      text: [
        "A target expression names agents: all that are enrolled, connected or not. Several arguments together mean what any of them means. Put an expression into single quotes: shells have a meaning of their own for * [ & ( and !.",
      ],
      lines: [
        ["web-1", "the agent of this name"],
        [
          "web-*",
          "all whose names match: * stands for any text, ? for a character",
        ],
        [
          "web-[01-20,25]",
          "a range of names; the width is that of the first number",
        ],
        ["@web", "all agents of the group web"],
        [
          "os.name=debian",
          "all with this fact; also != < <= > >=, as memory_mb>=8000",
        ],
        ["@away, @connected", "all that are away, or connected"],
        ["@failed(j-17)", "those that failed in a job; also @ok, @lost, @job"],
        [
          "%web-prod",
          "a name of your own for an expression, from ~/.config/piri/config.yaml",
        ],
        ["all", "everybody"],
      ],
    },
    {
      title: "Combining them",
      lines: [
        ["A, B", 'what A or B means; also "or"'],
        ["A & B", 'what both mean; also "and"'],
        ["A ! B", 'what A means without B; also "not"'],
        ["(A, B) & C", "parentheses first; the comma binds loosest"],
      ],
    },
    {
      title: "Mistakes",
      text: [
        "A name that is not enrolled is an error that gives the nearest names, and so is an expression that means nobody (exit code 5). Nobody is left out silently.",
      ],
    },
    {
      title: "Examples",
      examples: [
        "piri-manager run 'web-[01-20] ! web-07' -- uptime",
        "piri-manager run '@web & os.name=debian' -- apt-get update",
        "piri-manager ping all",
      ],
    },
  ],
};
