/**
 * Writes proto/transcripts: whole sessions with the bytes of the wire, so that a change of the protocol shows in
 * review.
 *
 * @module
 */
import { plays } from "../tests/peers/transcripts/plays.ts";
import { transcriptOf } from "../tests/peers/transcripts/render.ts";

for (const play of plays) {
  const url = new URL(
    `../proto/transcripts/${play.name}.txt`,
    import.meta.url,
  );
  await Deno.writeTextFile(url, await transcriptOf(play));
}
