/**
 * Shows what Piri does: a Manager and three Agents as real processes, what one types, and what comes back.
 *
 *     deno task demo
 *
 * @module
 */
import { demo } from "./demo/demo.ts";
import { fromSource } from "./local/programs.ts";

Deno.exitCode = await demo(fromSource);
