// Main module of the process of custom operations where the agent runs from source. An executable has a subcommand.
import { processLines, serveCalls } from "./serve_calls.ts";

await serveCalls(processLines());
Deno.exit(0);
