import { encodeHex } from "@std/encoding/hex";
import * as v from "valibot";
import type { AgentPolicy } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import type { Store } from "../../store/store.ts";
import type { DataService } from "../data/data_service.ts";
import type { Events } from "../events/events.ts";

type Facts = Readonly<Record<string, string>>;

/** Beginning of the names of facts about a policy. Only its own messages tell them. */
const PREFIX = "policy.";

/** Facts about what the owner of a host allows; none for an agent that knows no policies. */
export function policyFacts(policy: AgentPolicy | undefined): Facts {
  if (policy === undefined) return {};
  const { mode, edition, sha256, unlimited, error } = policy;
  return factsOf({
    mode,
    edition,
    sha256: encodeHex(sha256),
    unlimited,
    error,
  });
}

/** Facts of a host with those about its policy, which the host's own facts cannot claim. */
export function withPolicy(facts: Facts, policy: Facts): Facts {
  const others = Object.entries(facts)
    .filter(([name]) => !name.startsWith(PREFIX));
  return { ...Object.fromEntries(others), ...policy };
}

/** The facts that are about a policy. */
export function policyAmong(facts: Facts): Facts {
  return Object.fromEntries(
    Object.entries(facts).filter(([name]) => name.startsWith(PREFIX)),
  );
}

/** Sentence about a policy that is another than before; undefined if it is not. */
export function policyChange(
  agent: string,
  before: Facts,
  now: Facts,
): string | undefined {
  const was = textOf(before);
  const is = textOf(now);
  if (was === is) return undefined;
  // An agent of an earlier version told none, and allowed everything.
  if (was === undefined && is === ALL) return undefined;
  return `agent "${agent}" has another policy: ${
    is ?? "it tells none"
  }, after ${was ?? "it told none"}`;
}

const ALL = "all";

function textOf(facts: Facts): string | undefined {
  const of = (name: string) => facts[`${PREFIX}${name}`];
  const mode = of("mode");
  if (mode === undefined) return undefined;
  const parts = [
    mode === "none" ? "none, so nothing is allowed" : mode,
    ...of("edition") === undefined ? [] : [`edition ${of("edition")}`],
    ...of("unlimited") === undefined ? [] : ["unlimited"],
    ...of("sha256") === undefined
      ? []
      : [`SHA-256 ${of("sha256")?.slice(0, 12)}`],
    ...of("error") === undefined ? [] : [of("error") ?? ""],
  ];
  return parts.join(", ");
}

/** Facts worth telling: defaults are left out, as most agents have them. */
function factsOf(
  { mode, edition, sha256, unlimited, error }: v.InferOutput<typeof Told>,
): Facts {
  return {
    [`${PREFIX}mode`]: mode.slice(0, Limits.word),
    ...edition === "full" || edition === ""
      ? {}
      : { [`${PREFIX}edition`]: edition.slice(0, Limits.word) },
    ...sha256 === "" ? {} : { [`${PREFIX}sha256`]: sha256.slice(0, 64) },
    ...unlimited && mode !== "all" ? { [`${PREFIX}unlimited`]: "true" } : {},
    ...error === ""
      ? {}
      : { [`${PREFIX}error`]: error.slice(0, Limits.policyError) },
  };
}

const Told = v.object({
  mode: v.string(),
  edition: v.string(),
  sha256: v.string(),
  unlimited: v.boolean(),
  error: v.string(),
});

/** Adds the request by which agents tell a policy that has changed to a data service. */
export function withPolicies(
  service: DataService,
  { store, events }: {
    readonly store: Pick<Store, "agent" | "setHostFacts">;
    readonly events: Pick<Events, "add">;
  },
): DataService {
  return {
    answer: async (owner, type, params, limits = {}) => {
      if (type !== "policy") {
        return await service.answer(owner, type, params, limits);
      }
      const policy = factsOf(toldIn(params));
      const { facts = {} } = await store.agent(owner.id) ?? {};
      const change = policyChange(owner.id, facts, policy);
      await store.setHostFacts(owner.id, withPolicy(facts, policy));
      if (change !== undefined) {
        events.add("agent_policy", change, { agent: owner.id });
      }
      return "";
    },
  };
}

function toldIn(params: string): v.InferOutput<typeof Told> {
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), Told),
    params,
  );
  if (result.success) return result.output;
  throw new PiriError(
    "INVALID_ARGUMENT",
    "Cannot take the policy: mode, edition, sha256, unlimited and error are not all there",
  );
}
