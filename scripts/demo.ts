/**
 * Shows Piri at work: a Manager and three Agents as real processes, the commands that one types, and their output.
 *
 *     deno task demo
 *
 * @module
 */
import { demo } from "./demo/demo.ts";
import { fromSource } from "./local/programs.ts";

Deno.exitCode = await demo(fromSource);
