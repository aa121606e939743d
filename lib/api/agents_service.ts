import { create } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import {
  type Agent,
  AgentSchema,
  AgentsService,
} from "../../proto/gen/piri/control/v1/control_pb.ts";
import type { AgentView, Manager } from "../manager/operator_api.ts";
import {
  checkHash,
  invalid,
  limitText,
  requireExpiry,
  requireText,
} from "./checks.ts";
import { commandMessage } from "./command_message.ts";
import { timestamp, writeFailureField } from "./values.ts";

/** Serves the AgentsService. */
export function addAgentsService(
  router: ConnectRouter,
  manager: Manager,
): void {
  const { agents } = manager;
  router.service(AgentsService, {
    async listAgents() {
      return {
        agents: (await agents.list()).map(agentMessage),
        ...writeFailureField(manager.writeFailure),
      };
    },
    async addAgent(request) {
      const { groups, cidrs } = request;
      const id = requireText("id", request.id);
      const expiresInMs = requireExpiry(request.expiresInMs);
      const secretHash = checkHash("secret_hash", request.secretHash);
      if (secretHash === undefined) {
        return { token: await agents.add({ id, groups, cidrs, expiresInMs }) };
      }
      if (expiresInMs !== undefined) {
        throw invalid("expires_in_ms", "with a secret_hash there is no token");
      }
      await agents.addWithSecret({ id, groups, cidrs, secretHash });
      return {};
    },
    async renewToken({ id, expiresInMs }) {
      const token = await agents.renewToken(
        requireText("id", id),
        requireExpiry(expiresInMs),
      );
      return { token };
    },
    async removeAgent({ id, force, requestedBy }) {
      const { commands, told } = await agents.remove(requireText("id", id), {
        force,
        requestedBy: limitText("requested_by", requestedBy),
      });
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
  });
}
