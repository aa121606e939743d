// Lists the agents of the Manager of a folder, and prints their number.

import { connectControl } from "../../lib/api/client.ts";

const [dir = ""] = Deno.args;
using control = await connectControl(dir);
const { agents } = await control.agents.listAgents({});
Deno.stdout.writeSync(new TextEncoder().encode(String(agents.length)));
