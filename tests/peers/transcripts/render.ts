import { toJson } from "@bufbuild/protobuf";
import { MessageSchema } from "../../protobuf/gen/agent_pb.ts";
import type { Play } from "./plays.ts";
import { type Line, Stage } from "./stage.ts";

/** Plays a session with our Manager and our Agent, and writes its messages down. */
export async function transcriptOf(
  { about, hasKeys, run }: Play,
): Promise<string> {
  await using stage = await Stage.open({ hasKeys });
  await run(stage);
  const lines = stage.lines.map(render).join("\n");
  return `# ${about}.\n#\n# Made by scripts/transcripts.ts. Frames are in hex, header and body; all else is a comment.\n\n${lines}`;
}

const OTHER = { agent: "manager", manager: "agent" } as const;

function render(line: Line): string {
  if (line.kind === "note") return `# -- ${line.text}.\n`;
  const { from, bytes, message } = line;
  const said = JSON.stringify(toJson(MessageSchema, message), undefined, 2)
    .replaceAll(/^/gm, "# ");
  return `# ${from} to ${OTHER[from]}, ${bytes.length} bytes\n${said}\n${
    hexOf(bytes)
  }\n`;
}

/** Formats bytes in hexadecimal, sixteen a line. */
function hexOf(bytes: Uint8Array): string {
  const words = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  const lines: string[] = [];
  for (let at = 0; at < words.length; at += 16) {
    lines.push(words.slice(at, at + 16).join(" "));
  }
  return lines.join("\n");
}
