import type { Topic } from "../../topic.ts";

/** `help jobs`. */
export const jobs: Topic = {
  name: "jobs",
  summary: "one request to many agents, and its limits",
  sections: [
    {
      title: "Jobs",
      text: [
        "A job is one request to many agents. Every agent that its target expression means has an entry in it: with a command, or with the reason why there is none. A job belongs to the Manager: it goes on if the command line leaves, and after a restart of the Manager.",
        "Ids of jobs are written as j-17, ids of commands as 17, and an agent of a job as j-17/web-1. show, watch, cancel, rerun and why take all of them.",
      ],
    },
    {
      title: "States of a job",
      lines: [
        ["running", "commands of it are to start, or run"],
        ["paused", "nothing more is started; what runs goes on"],
        ["succeeded", "every agent did it"],
        ["failed", "it came to its end, and not every agent did it"],
        ["stopped", "ended by its limit of failures, or by its canaries"],
        ["cancelled", "somebody cancelled it"],
        ["expired", "ended by its deadline"],
      ],
    },
    {
      title: "Agents without a command",
      lines: [
        ["waiting", "its turn has not come"],
        ["queued", "its turn has come, and the agent is away"],
        ["unreachable", "the agent was away when its turn came"],
        ["expired", "the agent did not come back in time"],
        ["skipped", "the job ended first, or the agent was removed"],
        ["superseded", "a later job with the same key came"],
      ],
    },
    {
      title: "Repeating",
      text: [
        "Nothing is repeated by itself. A job that is run again is a new job, which names the old one: piri-manager job rerun j-17 --failed.",
      ],
    },
  ],
};
