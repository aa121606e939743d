import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type Agent,
  AgentSchema,
  AgentsService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { AgentView, Manager } from "../manager/api/operator_api.ts";
import { sightIn } from "./caller.ts";
import {
  checkHash,
  invalid,
  requireExpiry,
  requireItems,
  requireRange,
  requireText,
  saidIn,
} from "./checks.ts";
import { commandMessage } from "./command_message.ts";
import type { Proofs } from "./proofs.ts";
import {
  pingedMessage,
  selectionOf,
  targetsMessage,
} from "./target_message.ts";
import { timestamp, writeFailureField } from "./values.ts";

/** Default wait for the answer to a ping, in milliseconds. */
const PING_TIMEOUT_MS = 5_000;

/** Longest wait for the answer to a ping, in milliseconds. */
const MAX_PING_TIMEOUT_MS = 60_000;

/** Serves the AgentsService. */
export function addAgentsService(
  router: ConnectRouter,
  manager: Manager,
  proofs: Proofs,
): void {
  const { agents } = manager;
  router.service(AgentsService, {
    async listAgents(_, { values }) {
      const sight = sightIn(values);
      const list = await agents.list();
      return {
        agents: list.filter(({ id }) => sight?.has(id) ?? true)
          .map(agentMessage),
        ...writeFailureField(manager.writeFailure),
      };
    },
    async addAgent(request, context) {
      const { groups, cidrs } = request;
      const id = requireText("id", request.id);
      const expiresInMs = requireExpiry(request.expiresInMs);
      const secretHash = checkHash("secret_hash", request.secretHash);
      if (secretHash !== undefined && expiresInMs !== undefined) {
        throw invalid("expires_in_ms", "with a secret_hash there is no token");
      }
      const asker = await proofs.asker(context, saidIn(request));
      const agent = { id, groups, cidrs };
      if (secretHash === undefined) {
        return { token: await agents.add({ ...agent, expiresInMs }, asker) };
      }
      await agents.addWithSecret({ ...agent, secretHash }, asker);
      return {};
    },
    async renewToken(request, context) {
      const id = requireText("id", request.id);
      const expiresInMs = requireExpiry(request.expiresInMs);
      const asker = await proofs.asker(context, saidIn(request));
      return { token: await agents.renewToken(id, expiresInMs, asker) };
    },
    async setAgents(request, context) {
      const { addGroups, removeGroups, setFacts, removeFacts } = request;
      const { retired } = request;
      const asker = await proofs.asker(context, saidIn(request));
      const { names, changed } = await agents.set(
        requireItems("targets", request.targets),
        { addGroups, removeGroups, setFacts, removeFacts, retired },
        asker,
      );
      return { names: [...names], changed: [...changed] };
    },
    async resolveTargets({ selection }, { values }) {
      return targetsMessage(
        await agents.resolve(selectionOf(selection), sightIn(values)),
      );
    },
    async pingAgents(
      { selection, timeoutMs = PING_TIMEOUT_MS },
      { values },
    ) {
      const wait = requireRange("timeout_ms", timeoutMs, {
        least: 1,
        most: MAX_PING_TIMEOUT_MS,
      });
      return pingedMessage(
        await agents.ping(selectionOf(selection), wait, sightIn(values)),
      );
    },
    listNames(wanted, { values }) {
      const { agents: names, groups, facts } = agents.names(
        wanted,
        sightIn(values),
      );
      return { agents: [...names], groups: [...groups], facts: [...facts] };
    },
    async removeAgent(request, context) {
      const id = requireText("id", request.id);
      const asker = await proofs.asker(context, saidIn(request));
      const { force } = request;
      const { commands, told } = await agents.remove(id, { force, asker });
      return { commands: commands.map(commandMessage), told };
    },
    async renameAgent(request, context) {
      const id = requireText("id", request.id);
      const newId = requireText("new_id", request.newId);
      const asker = await proofs.asker(context, saidIn(request));
      return { told: await agents.rename(id, newId, asker) };
    },
    async revokeAgent(request, context) {
      const id = requireText("id", request.id);
      const asker = await proofs.asker(context, saidIn(request));
      const { commands, told } = await agents.revoke(id, asker);
      return { commands: commands.map(commandMessage), told };
    },
  });
}

function agentMessage(agent: AgentView): Agent {
  return create(AgentSchema, {
    id: agent.id,
    connected: agent.connected,
    ...timestamp("sinceMs", agent.since),
    address: agent.address,
    version: agent.version,
    protocol: agent.protocol,
    groups: [...agent.groups],
    cidrs: [...agent.cidrs],
    joined: agent.joined,
    instance: agent.instance,
    facts: { ...agent.facts },
    setFacts: { ...agent.setFacts },
    retired: agent.retired,
    ...timestamp("revokedAtMs", agent.revokedAt),
  });
}
