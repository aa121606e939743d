import * as v from "valibot";
import { allFacts } from "./all_facts.ts";
import type { Operation } from "./operation.ts";

const parameters = v.strictObject({});

/** Collects the facts about the host anew. They are its data, and the Manager remembers them. */
export const agentFacts: Operation<typeof parameters> = {
  name: "agent.Facts",
  description: "Collects the facts about the host, with those of facts.d",
  parameters,
  acts: false,
  // deno-lint-ignore require-yield
  async *run(_params, { surroundings }) {
    return {
      success: true,
      changed: false,
      data: await allFacts({ surroundings }),
    };
  },
};
